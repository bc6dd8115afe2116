import EventLoop
import Foundation
import Server
import Storage

/// `switchboard restore`
enum RestoreCommand {
    private static let help = """
        Makes a backup the database, which no server may be running on.

        USAGE: switchboard restore FILE [--replace] [--unsealed]

        FILE is looked through before anything is touched. A backup of an older version is migrated. Tokens that were
        revoked, and people who were deleted, since the backup was made are there again. Ids go on behind all that may
        have been given since.

        OPTIONS:
          --replace   where there is a database already, keep it beside the new one as DATABASE.before-TIME
          --unsealed  take a database that was not written by `switchboard backup` and has no digest
        \(Arguments.commonHelp)
        """

    static func run(_ words: [String]) async throws {
        let arguments = try Arguments(
            words, flags: Arguments.commonFlags, switches: ["--replace", "--unsealed"], help: help)
        let name = try arguments.onlyWord("FILE")
        let database = try DatabaseFile(arguments, for: "restore")
        if !DatabaseFile.exists(name) { throw Failure("there is no file \(name)") }
        if DatabaseFile.isSame(name, database.path) { throw Failure("\(name) is the database itself") }
        let isReplacing = DatabaseFile.exists(database.path)
        if isReplacing, !arguments.has("--replace") {
            throw Failure("\(database.path) exists; --replace puts it aside")
        }
        try checkSeal(of: name, mayBeMissing: arguments.has("--unsealed"))
        let lock = try database.lock()
        let file = try DatabaseFile.begin(database.path)
        try await DatabaseFile.copy(name, to: file, pagesAtOnce: 4096)
        do {
            try Restoration.prepare(file.path, replacing: isReplacing ? database.path : nil)
        } catch {
            throw Failure("\(name) is not restored: \(error)")
        }
        let findings = try Verification.run(.sqlite(path: file.path))
        if !findings.isEmpty {
            for finding in findings { Terminal.print("\(finding.check): \(finding.detail)") }
            throw Failure("\(name) is not restored: it is damaged")
        }
        let former = try putAside(database.path, isThere: isReplacing)
        try DatabaseFile.finish(file, isReplacing: true)
        withExtendedLifetime(lock) {}
        Terminal.print("\(database.path) is restored" + (former.map { "; the former one is \($0)" } ?? ""))
    }

    private static func checkSeal(of name: String, mayBeMissing: Bool) throws {
        let state: BackupSeal.State
        do {
            state = try BackupSeal.check(name)
        } catch {
            throw Failure("cannot read \(name)")
        }
        switch state {
        case .intact: break
        case .broken: throw Failure("\(name) is not restored: \(VerifyCommand.broken)")
        case .missing:
            if !mayBeMissing {
                throw Failure("\(name) is not restored: \(VerifyCommand.unsealed); --unsealed takes it all the same")
            }
        }
    }

    /// Gives a database a second name, and takes away what SQLite would take for a journal of the new one.
    ///
    /// - Returns: The second name.
    private static func putAside(_ path: String, isThere: Bool) throws -> String? {
        let time = Date.now.formatted(.iso8601.dateSeparator(.omitted).timeSeparator(.omitted))
        let former = "\(path).before-\(time)"
        // Where it is too damaged for that, its journal goes aside with it.
        if isThere { try? Restoration.fold(path) }
        do {
            for journal in ["-wal", "-shm", "-journal"] where DatabaseFile.exists(path + journal) {
                try System.rename(path + journal, to: former + journal)
            }
            if !isThere { return nil }
            do {
                try System.link(path, to: former)
            } catch  where error != .exists {
                // Some file systems have no links.
                try System.rename(path, to: former)
            }
        } catch {
            throw Failure("cannot put \(path) aside: \(error)")
        }
        return former
    }
}
