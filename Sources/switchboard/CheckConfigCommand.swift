import JSON
import Server

/// `switchboard check-config`
enum CheckConfigCommand {
    private static let help = """
        Checks the configuration and shows what is in force; secrets are left out.

        USAGE: switchboard check-config [--config FILE] [OPTIONS]

        A flag wins over a variable, a variable over the file. A setting is --rooms-rate on the command line,
        SWITCHBOARD_ROOMS_RATE in the environment and "rooms_rate" in the file.

        OPTIONS:
          --config FILE
          --json
          --help
          --version
        \(settingsHelp)
        """

    /// Every setting, with what is allowed and its default; secrets last.
    static let settingsHelp =
        Setting.all.filter { !$0.isSecret }.map { setting in
            let usual = setting.show(Configuration())
            return
                "  \(setting.flag)  \(setting.help) (\(setting.allowed); default: \(usual.isEmpty ? "none" : usual))\n"
        }.joined()
        + "\nSecrets have no flag, which other users of the machine could read:\n"
        + Setting.all.filter(\.isSecret).map { "  \($0.variable)  \($0.help) (\($0.allowed))\n" }.joined()

    static func run(_ words: [String]) throws {
        let arguments = try Arguments(words, flags: Arguments.settingFlags, switches: ["--json"], help: help)
        try arguments.noWords()
        let configuration = try arguments.configuration()
        // Reads the files of keys too; the secret stands in for the server's own.
        _ = try TokenVerifiers(configuration, secret: [UInt8](repeating: 0, count: 32), log: .quiet)
        _ = try Certificates.load(configuration, log: Log(level: .warning, format: .text))
        let summary = configuration.summary
        if arguments.has("--json") {
            Terminal.printJSON { json in json.object { for (name, value) in summary { $0.member(key: name, value) } } }
        } else {
            for (name, value) in summary { Terminal.print("\(name) = \(value)") }
        }
    }
}
