import JSON
import Server
import Storage

/// `switchboard drain`
enum DrainCommand {
    private static let help = """
        Has the server that runs on this database drain and stop, as SIGTERM does, and waits until it has. Nobody is let
        in any more, clients are sent away over `drain_time`, and what was acknowledged is stored.

        USAGE: switchboard drain [OPTIONS]

        OPTIONS:
        \(Arguments.commonHelp)
        """

    static func run(_ words: [String]) async throws {
        let arguments = try Arguments(words, flags: Arguments.commonFlags, switches: [], help: help)
        try arguments.noWords()
        let database = try arguments.configuration().database
        guard let server = LocalClient(database: database), let answer = await server.post([], to: "/api/drain/") else {
            throw Failure("no server runs on \(database)")
        }
        guard let process = Progress(answer)?.process else {
            throw Failure("the server answers with status \(answer.status)")
        }
        var shown = ""
        func show(_ line: String) {
            if line != shown { Terminal.print(line) }
            shown = line
        }
        show("draining")
        while true {
            if let progress = await server.get("/api/drain/").flatMap({ Progress($0) }) {
                // The next server is there already.
                if progress.process != process { break }
                if progress.clients > 0 { show("waiting for clients to be sent away: \(progress.clients)") }
            } else if try hasStopped(database) {
                break
            } else {
                show("waiting for the last answers and the store")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        show("stopped")
    }

    /// Whether no server has the database.
    private static func hasStopped(_ database: String) throws -> Bool {
        do {
            _ = try StoreLock(databasePath: database)
            return true
        } catch {
            if error.isBusy { return false }
            throw error
        }
    }

    /// What the server says of it.
    private struct Progress {
        let process: Int64
        let clients: Int64

        init?(_ answer: LocalClient.Answer) {
            guard answer.status == 200, let process = answer.withJSON({ $0["process"]?.int64 }),
                let clients = answer.withJSON({ $0["clients"]?.int64 })
            else { return nil }
            self.process = process
            self.clients = clients
        }
    }
}
