import EventLoop
import Foundation
import Server

/// `switchboard serve`
enum ServeCommand {
    private static let help = """
        Runs the server until it is stopped: by SIGTERM, which sends clients away over drain_time, or by an interrupt,
        which sends them away at once. SIGHUP has it read its configuration and certificates again.

        USAGE: switchboard serve [--listen 127.0.0.1:8000] [--database FILE] [--demo] [OPTIONS]

        OPTIONS:
          --demo  fill an empty database with a few people, and print what to paste to talk as them
          --config FILE
          --help
          --version
        \(CheckConfigCommand.settingsHelp)
        """

    static func run(_ words: [String]) async throws {
        let arguments = try Arguments(words, flags: Arguments.settingFlags, switches: ["--demo"], help: help)
        try arguments.noWords()
        let settings = try arguments.configuration()
        // Before anything is made.
        try check(settings)
        let format = settings.logFormat ?? (System.errorIsTerminal ? .text : .json)
        let log = Log(level: settings.logLevel, format: format)
        // Before anything else, so that a signal during the start is not lost.
        let signals = System.signals([SIGTERM, SIGINT, SIGHUP])
        let server = try await Server.start(settings, log: log)
        log.info(
            "listening",
            [
                "address": "\(server.address)", "database": "\(settings.store)",
                "tls": settings.tlsCertificates.isEmpty ? "off" : "on",
            ])
        if !settings.anonymous.isEmpty, settings.allowedHosts.isEmpty, !settings.listen.isLoopback {
            log.warning(
                "a page whose name leads here may use what is open without a token, unless allowed_hosts is set")
        }
        if arguments.has("--demo") {
            try Demo.prepare(
                settings.store, address: "\(server.address)",
                isSecure: !settings.tlsCertificates.isEmpty)
        }
        let hearing = Task {
            for await signal in signals {
                switch signal {
                case SIGHUP: await reload(arguments, server, log)
                // Whoever presses Ctrl-C does not want to wait.
                case SIGINT: server.stop(atOnce: true)
                default: server.stop()
                }
            }
        }
        await server.run()
        hearing.cancel()
        log.info("stopped")
    }

    /// Reads the configuration again, from the same flags, variables and file.
    private static func reload(_ arguments: Arguments, _ server: Server, _ log: Log) async {
        do {
            let settings = try arguments.configuration()
            try check(settings)
            try await server.reload(settings)
        } catch {
            log.error("the configuration could not be read again, all stays as it was", ["reason": "\(error)"])
        }
    }

    /// What is wrong with files of keys and certificates is wrong configuration.
    private static func check(_ settings: Configuration) throws {
        _ = try TokenVerifiers(settings, secret: [UInt8](repeating: 0, count: 32), log: .quiet)
        _ = try Certificates.load(settings, log: .quiet)
    }
}
