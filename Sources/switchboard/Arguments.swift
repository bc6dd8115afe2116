import Foundation
import Server

/// The words behind a command, told apart.
struct Arguments {
    private(set) var words: [String] = []
    private var values: [String: String] = [:]
    private var switches: Set<String> = []

    /// - Parameters:
    ///   - flags: Those that take a value, such as `--name`.
    ///   - switches: Those that take none, besides `--help` and `--version`, which are dealt with here.
    init(_ arguments: [String], flags: Set<String>, switches known: Set<String>, help: String) throws {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("-"), word != "-" else {
                words.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if word == "--help" || word == "-h" {
                Terminal.print(help, terminator: "")
                throw HelpWasShown()
            } else if word == "--version" {
                Terminal.print("switchboard \(Main.version)")
                throw HelpWasShown()
            } else if known.contains(word) {
                switches.insert(word)
            } else if flags.contains(parts[0]) {
                guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                    throw UsageError("\(parts[0]) (flag): a value is missing")
                }
                guard values.updateValue(value, forKey: parts[0]) == nil else {
                    throw UsageError("\(parts[0]) (flag): given twice")
                }
            } else {
                let allowed = (flags.union(known)).sorted().joined(separator: " ")
                throw UsageError("\(parts[0]) (flag): no such flag; allowed are \(allowed)")
            }
        }
    }

    func value(_ flag: String) -> String? { values[flag] }

    func required(_ flag: String) throws -> String {
        guard let value = values[flag] else { throw UsageError("\(flag) is required") }
        return value
    }

    func has(_ name: String) -> Bool { switches.contains(name) }

    /// The one word that a command needs, such as a username.
    func onlyWord(_ what: String) throws -> String {
        guard words.count == 1 else {
            throw UsageError(
                words.isEmpty ? "\(what) is missing" : "too many words: \(words.dropFirst().joined(separator: " "))")
        }
        return words[0]
    }

    func noWords() throws {
        if let word = words.first { throw UsageError("unexpected \"\(word)\"") }
    }

    /// The configuration: the flags among these, the environment, and the file that either names.
    func configuration() throws -> Configuration {
        let environment = ProcessInfo.processInfo.environment
        var file: (path: String, bytes: [UInt8])?
        if let path = values["--config"] ?? environment["SWITCHBOARD_CONFIG"] {
            guard let data = FileManager.default.contents(atPath: path) else {
                let source = values["--config"] == nil ? "SWITCHBOARD_CONFIG (environment)" : "--config (flag)"
                throw ConfigurationError("\(source): cannot read \(path)")
            }
            file = (path, Array(data))
        }
        var flags: [String: String] = [:]
        for setting in Setting.all { flags[setting.name] = values[setting.flag] }
        let configuration = try Configuration(flags: flags, environment: environment, file: file)
        try configuration.check()
        return configuration
    }

    /// The flags that configure; every command takes these two.
    static let commonFlags: Set<String> = ["--config", "--database", "--store"]
    static let settingFlags = Set(Setting.all.filter { !$0.isSecret }.map(\.flag)).union(["--config"])

    static let commonHelp = """
          --database FILE  the database (default: switchboard.db)
          --store URL      where it is not in a file, such as postgres://USER@HOST/DATABASE
          --config FILE    a configuration file, JSON
          --help           this text
          --version        the version

        """
}
