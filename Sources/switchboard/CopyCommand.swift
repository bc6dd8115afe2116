import Foundation
import JSON
import Server
import Storage

/// `switchboard copy`
enum CopyCommand {
    private static let help = """
        Copies all that one store holds into another one, which must be empty: from a file to PostgreSQL, or back. No
        server may run on either. Ids stay what they are, and at the end both are compared row by row. What breaks leaves
        nothing in the other store and can be begun again.

        USAGE: switchboard copy --from STORE --to STORE [--json]

        STORE is sqlite:PATH or postgres://USER@HOST:PORT/DATABASE. Passwords are taken from PGPASSWORD or ~/.pgpass, or
        with the URL from SWITCHBOARD_COPY_FROM and SWITCHBOARD_COPY_TO in place of the flags.

        OPTIONS:
          --json     print {"rows":…,"seconds":…} at the end, and no progress
          --help     this text
          --version  the version

        """

    static func run(_ words: [String]) throws {
        let arguments = try Arguments(words, flags: ["--from", "--to"], switches: ["--json"], help: help)
        try arguments.noWords()
        let source = try location("--from", arguments)
        let target = try location("--to", arguments)
        if source == target { throw UsageError("--from and --to are the same store") }
        if case .sqlite(let path) = source, !DatabaseFile.exists(path) { throw Failure("there is no database \(path)") }
        // Whoever runs on a file has this lock. From PostgreSQL, one moment is read.
        let locks = try [source, target].compactMap { try lock($0) }
        let clock = ContinuousClock()
        let start = clock.now
        let isQuiet = arguments.has("--json")
        let rows: Int
        do {
            rows = try StoreCopy(from: source, to: target).run { table, rows, isCompared in
                if !isQuiet { Terminal.print("\(table): \(rows) rows \(isCompared ? "are the same" : "copied")") }
            }
        } catch {
            throw Failure("nothing was copied from \(source) to \(target): \(error)")
        }
        withExtendedLifetime(locks) {}
        let seconds = ((clock.now - start) / .milliseconds(1)).rounded() / 1000
        if isQuiet {
            Terminal.printJSON { json in
                json.object {
                    $0.member("rows", Int64(rows))
                    $0.member("seconds", Int64(seconds.rounded(.up)))
                }
            }
        } else {
            Terminal.print("\(target) holds all of \(source): \(rows) rows, compared one by one, in \(seconds) s")
        }
    }

    private static func location(_ flag: String, _ arguments: Arguments) throws -> StoreLocation {
        let variable = "SWITCHBOARD_COPY_" + flag.dropFirst(2).uppercased()
        let given = arguments.value(flag)
        guard let text = given ?? ProcessInfo.processInfo.environment[variable] else {
            throw UsageError("\(flag) is required")
        }
        let name = given == nil ? variable : flag
        let location: StoreLocation
        do {
            location = try StoreLocation(text)
        } catch {
            throw UsageError("\(name): \(error.reason)")
        }
        if given != nil, location.hasPassword {
            throw UsageError("\(name): others on this machine could read the password; give it in \(variable)")
        }
        return location
    }

    private static func lock(_ location: StoreLocation) throws -> StoreLock? {
        guard case .sqlite(let path) = location else { return nil }
        do {
            return try StoreLock(databasePath: path)
        } catch {
            throw Failure(error.isBusy ? "a server runs on \(path); stop it first" : "cannot lock \(path): \(error)")
        }
    }
}
