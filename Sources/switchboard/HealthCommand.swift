import JSON
import Server

/// `switchboard health`
enum HealthCommand {
    private static let help = """
        Asks the server that runs on this database whether it can take work, for health checks of containers. Exits with
        0 if so, else with 1 and a line that says why not.

        USAGE: switchboard health [OPTIONS]

        OPTIONS:
        \(Arguments.commonHelp)
        """

    static func run(_ words: [String]) async throws {
        let arguments = try Arguments(words, flags: Arguments.commonFlags, switches: [], help: help)
        try arguments.noWords()
        let database = try arguments.configuration().database
        guard let answer = await LocalClient(database: database)?.get("/readyz") else {
            throw Failure("no server runs on \(database)")
        }
        if answer.status != 200 {
            throw Failure(
                answer.withJSON { $0["message"]?.string } ?? "the server answers with status \(answer.status)")
        }
        Terminal.print("ready")
    }
}
