import Chat
import EventLoop
import Foundation
import JSON
import Server
import Storage

/// `switchboard export`
enum ExportCommand {
    private static let help = """
        Writes what the database holds as lines of JSON, of one moment, while the server runs or not. Passwords, tokens
        and secrets are left out.

        USAGE: switchboard export [--user USER] [--output FILE [--overwrite]]

        Each line is an object with a "kind". The last one, of the kind "end", says how many there were before it; where
        it is missing, the export was cut.

        OPTIONS:
          --user USER    only what is of this person (a username or an id): the account, their conversations and who is
                         in them, what they wrote, their receipts, and notifications for them alone
          --output FILE  write to FILE instead of standard output
          --overwrite    replace FILE where it exists
        \(Arguments.commonHelp)
        """

    static func run(_ words: [String]) throws {
        let arguments = try Arguments(
            words, flags: Arguments.commonFlags.union(["--user", "--output"]), switches: ["--overwrite"], help: help)
        try arguments.noWords()
        let store = try DatabaseFile.store(arguments)
        let user = try arguments.value("--user").map { try CommandStore.open(arguments).user(called: $0).id }
        if user == nil { try Database.requireNewestVersion(store) }
        guard let name = arguments.value("--output") else {
            if arguments.has("--overwrite") { throw UsageError("--overwrite needs --output") }
            return try write(Export(store, of: user)) { bytes throws(IOError) in
                try System.writeAllToStandardOutput(bytes)
            }
        }
        let file = try DatabaseFile.begin(
            name, besides: arguments.configuration().database, isReplacing: arguments.has("--overwrite"))
        try write(Export(store, of: user)) { bytes throws(IOError) in try file.append(bytes) }
        try DatabaseFile.finish(file, isReplacing: arguments.has("--overwrite"))
    }

    private static func write(_ export: Export, _ send: ([UInt8]) throws(IOError) -> Void) throws {
        var bytes: [UInt8] = []
        func flush() throws {
            do throws(IOError) {
                try send(bytes)
            } catch {
                throw Failure("cannot write the export: \(error)")
            }
            bytes.removeAll(keepingCapacity: true)
        }
        let count = try export.forEachLine { line in
            bytes.append(contentsOf: line.utf8)
            bytes.append(UInt8(ascii: "\n"))
            if bytes.count >= 1 << 16 { try flush() }
        }
        var json = JSONWriter()
        json.object {
            $0.member("kind", "end")
            $0.member("lines", Int64(count))
        }
        bytes += json.bytes + [UInt8(ascii: "\n")]
        try flush()
    }
}
