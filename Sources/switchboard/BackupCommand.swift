import EventLoop
import Foundation
import JSON
import Server
import Storage

/// `switchboard backup`
enum BackupCommand {
    private static let help = """
        Writes a copy of the database, of one moment, while the server runs or not.

        USAGE: switchboard backup FILE [--overwrite] [--json]

        FILE gets its name when it is whole and on the disk; until then it is FILE.partial. It holds everything: what
        people wrote, encoded passwords, and the secret that the server signs tokens with. Keep it like a key. Its last
        line is its digest, which `switchboard verify FILE` and `switchboard restore FILE` check.

        OPTIONS:
          --overwrite  replace FILE where it exists
          --json       print {"file":…,"bytes":…} instead of a sentence
        \(Arguments.commonHelp)
        """

    /// 1 MiB: some milliseconds' work.
    private static let pagesAtOnce = 256

    static func run(_ words: [String]) async throws {
        let arguments = try Arguments(
            words, flags: Arguments.commonFlags, switches: ["--overwrite", "--json"], help: help)
        let name = try arguments.onlyWord("FILE")
        let database = try DatabaseFile(arguments, for: "backup")
        try database.requireExistence()
        let file = try database.begin(name, isReplacing: arguments.has("--overwrite"))
        try await DatabaseFile.copy(database.path, to: file, pagesAtOnce: pagesAtOnce)
        try file.append(BackupSeal.make(forFileAt: file.path))
        try DatabaseFile.finish(file, isReplacing: arguments.has("--overwrite"))
        let bytes = try FileManager.default.attributesOfItem(atPath: name)[.size] as? Int ?? 0
        if arguments.has("--json") {
            Terminal.printJSON { json in
                json.object {
                    $0.member("file", name)
                    $0.member("bytes", Int64(bytes))
                }
            }
        } else {
            Terminal.print("\(name): \(bytes) bytes")
        }
    }
}
