import EventLoop
import Foundation
import Server

#if canImport(CJemalloc)
    // Makes its malloc the program's: nothing of it is called by name.
    internal import CJemalloc
#endif

/// The command line: a command, its words and its flags.
@main
struct Main {
    static let version = Build.version

    static let help = """
        Switchboard: one real-time chat and notification server that speaks many front ends' protocols.

        USAGE: switchboard COMMAND [OPTIONS]

        COMMANDS:
          serve         run the server
          user          add, list, switch off and delete people
          token         create, list, revoke and check tokens
          notify        send a notification
          health        ask a running server whether it can take work
          drain         have a running server send its clients away and stop
          backup        write a copy of the database, while the server runs
          restore       make a backup the database
          verify        look through the database or a backup for damage
          export        write what the database holds as lines of JSON
          copy          move all that a store holds into another one, such as PostgreSQL
          check-config  check the configuration and show what is in force

        `switchboard COMMAND --help` tells more. `switchboard --version` prints the version.

        """

    static func main() async {
        System.ignoreBrokenPipes()
        System.makeFilesPrivate()
        System.ignoreFileSizeSignals()
        exit(await run(Array(CommandLine.arguments.dropFirst())))
    }

    /// - Returns: The exit status: 0 when all is well, 2 for wrong usage or configuration, 1 for anything else.
    private static func run(_ words: [String]) async -> Int32 {
        do {
            let rest = Array(words.dropFirst())
            switch words.first {
            case nil:
                Terminal.complain(help)
                return 2
            case "--help", "-h", "help": Terminal.print(help, terminator: "")
            case "--version": Terminal.print("switchboard \(version)")
            case "serve": try await ServeCommand.run(rest)
            case "user": try await UserCommand.run(rest)
            case "token": try TokenCommand.run(rest)
            case "notify": try await NotifyCommand.run(rest)
            case "health": try await HealthCommand.run(rest)
            case "drain": try await DrainCommand.run(rest)
            case "backup": try await BackupCommand.run(rest)
            case "restore": try await RestoreCommand.run(rest)
            case "verify": try VerifyCommand.run(rest)
            case "export": try ExportCommand.run(rest)
            case "copy": try CopyCommand.run(rest)
            case "check-config": try CheckConfigCommand.run(rest)
            case let other?: throw UsageError("unknown command \"\(other)\"; see switchboard --help")
            }
            return 0
        } catch let error as UsageError {
            Terminal.complain("switchboard: \(error.message)\n")
            return 2
        } catch let error as ConfigurationError {
            Terminal.complain("switchboard: \(error)\n")
            return 2
        } catch is HelpWasShown {
            return 0
        } catch {
            Terminal.complain("switchboard: \(error)\n")
            return 1
        }
    }
}

/// The words on the command line make no sense.
struct UsageError: Error {
    let message: String

    init(_ message: String) { self.message = message }
}

/// The command could not do what it was asked.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Ends a command after its help.
struct HelpWasShown: Error {}

/// What a person or a script sees.
enum Terminal {
    static func print(_ text: String, terminator: String = "\n") {
        System.writeToStandardOutput(Array((text + terminator).utf8))
    }

    static func complain(_ text: String) { System.writeToStandardError(Array(text.utf8)) }
}
