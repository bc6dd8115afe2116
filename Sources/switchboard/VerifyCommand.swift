import Foundation
import JSON
import Server
import Storage

/// `switchboard verify`
enum VerifyCommand {
    private static let help = """
        Looks through the database, while the server runs or not, or through a backup.

        USAGE: switchboard verify [FILE] [--json]

        Without FILE, the database. Prints a line for each thing that is wrong, and then exits with 1; nothing is
        changed.

        OPTIONS:
          --json  print {"findings":[{"check":…,"detail":…},…]}
        \(Arguments.commonHelp)
        """

    static let broken = "its digest is wrong: it was changed after it was written"
    static let unsealed = "it has no digest at its end: it was cut, or not written by switchboard backup"

    static func run(_ words: [String]) throws {
        let arguments = try Arguments(words, flags: Arguments.commonFlags, switches: ["--json"], help: help)
        let backup = try arguments.words.isEmpty ? nil : arguments.onlyWord("FILE")
        if let backup, !DatabaseFile.exists(backup) { throw Failure("there is no file \(backup)") }
        let location = try backup.map { .sqlite(path: $0) } ?? DatabaseFile.store(arguments)
        var findings: [Verification.Finding] = []
        if let backup {
            switch try BackupSeal.check(backup) {
            case .intact: break
            case .broken: findings.append(.init(check: "seal", detail: broken))
            case .missing: findings.append(.init(check: "seal", detail: unsealed))
            }
        }
        do {
            findings += try Verification.run(location)
        } catch {
            throw Failure("cannot open \(location): \(error)")
        }
        if arguments.has("--json") {
            Terminal.printJSON { json in
                json.object {
                    $0.array("findings") { list in
                        for finding in findings {
                            list.object {
                                $0.member("check", finding.check)
                                $0.member("detail", finding.detail)
                            }
                        }
                    }
                }
            }
        } else if findings.isEmpty {
            Terminal.print("\(location) is sound")
        } else {
            for finding in findings { Terminal.print("\(finding.check): \(finding.detail)") }
        }
        if !findings.isEmpty { throw Failure("\(location) is not sound; findings: \(findings.count)") }
    }
}
