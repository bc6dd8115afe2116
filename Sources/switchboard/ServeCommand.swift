import EventLoop
import Foundation
import Server

/// `switchboard serve`
enum ServeCommand {
    private static let help = """
        Runs the server until it is stopped by SIGTERM or an interrupt. SIGHUP has it read its
        certificates again.

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
        // Before anything is made: what is wrong with the files of keys is wrong configuration.
        _ = try TokenVerifiers(settings, secret: [UInt8](repeating: 0, count: 32), log: .quiet)
        _ = try Certificates.load(settings, log: .quiet)
        let format = settings.logFormat ?? (System.errorIsTerminal ? .text : .json)
        let log = Log(level: settings.logLevel, format: format)
        // Before anything else, so that a signal during the start is not lost.
        let signals = System.signals([SIGTERM, SIGINT, SIGHUP])
        let server = try await Server.start(settings, log: log)
        log.info(
            "listening",
            [
                "address": "\(server.address)", "database": settings.database,
                "tls": settings.tlsCertificates.isEmpty ? "off" : "on",
            ])
        if !settings.anonymous.isEmpty, settings.allowedHosts.isEmpty, !settings.listen.isLoopback {
            log.warning(
                "a page whose name leads here may use what is open without a token, unless allowed_hosts is set")
        }
        if arguments.has("--demo") {
            try Demo.prepare(
                database: settings.database, address: "\(server.address)",
                isSecure: !settings.tlsCertificates.isEmpty)
        }
        for await signal in signals {
            if signal != SIGHUP { break }
            server.reload()
        }
        log.info("stopping")
        await server.stop()
        log.info("stopped")
    }
}
