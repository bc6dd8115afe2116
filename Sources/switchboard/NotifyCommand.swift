import Chat
import Foundation
import JSON
import Server
import Storage

/// `switchboard notify`
enum NotifyCommand {
    private static let help = """
        Sends a notification. It reaches whoever is connected to the server that runs on this database, and is kept
        for the others; without a running server it is kept for all.

        USAGE: switchboard notify (--user USER | --college N | --everybody) --title T --message M [OPTIONS]

        OPTIONS:
          --category C  erp's grouping, such as hr
          --type T      the kind, such as notice (default: alert)
          --link L      where a click leads
          --priority P  low, normal or high (default: normal)
          --data JSON   an object for the front end
          --json        print {"id":…} instead of the id
        \(Arguments.commonHelp)
        """

    static func run(_ words: [String]) async throws {
        let arguments = try Arguments(
            words,
            flags: Arguments.commonFlags.union([
                "--user", "--college", "--title", "--message", "--category", "--type", "--link", "--priority", "--data",
            ]), switches: ["--everybody", "--json"], help: help)
        try arguments.noWords()
        let configuration = try arguments.configuration()
        let title = try arguments.required("--title")
        let message = try arguments.required("--message")
        if title.isEmpty || message.isEmpty { throw UsageError("--title and --message must not be empty") }
        var content = NotificationContent(title: title, message: message)
        if let category = arguments.value("--category") { content.category = category }
        if let type = arguments.value("--type") { content.type = type }
        content.link = arguments.value("--link")
        if let text = arguments.value("--priority") {
            guard let priority = Priority(rawValue: text) else {
                throw UsageError("--priority (flag): \"\(text)\" is not allowed; allowed is low, normal or high")
            }
            content.priority = priority
        }
        if let text = arguments.value("--data") { content.data = try object(text) }

        if let excess = content.excess(maximumText: try arguments.configuration().maxText) { throw UsageError(excess) }

        let id = try await send(content, to: audience(arguments), configuration)
        if arguments.has("--json") {
            Terminal.printJSON { json in json.object { $0.member("id", id) } }
        } else {
            Terminal.print("\(id)")
        }
    }

    private static func object(_ text: String) throws -> [UInt8] {
        let bytes = Array(text.utf8)
        return try JSONParser.reading(bytes.span, maximumLength: max(1, bytes.count)) { value in
            guard let value, value.isObject else { throw UsageError("--data (flag): not a JSON object") }
            var json = JSONWriter()
            value.write(into: &json)
            return json.bytes
        }
    }

    private static func audience(_ arguments: Arguments) throws -> Audience {
        let user = arguments.value("--user")
        let college = arguments.value("--college")
        switch (user, college, arguments.has("--everybody")) {
        case (let name?, nil, false): return .person(try CommandStore.open(arguments).user(called: name).id)
        case (nil, let text?, false):
            guard let number = Int64(text), number > 0 else {
                throw UsageError("--college (flag): \"\(text)\" is not allowed; allowed is a number, 1 or more")
            }
            return .college(CollegeID(number))
        case (nil, nil, true): return .everybody
        default: throw UsageError("give one of --user, --college and --everybody")
        }
    }

    /// Through the running server if there is one, else into the database.
    private static func send(
        _ content: NotificationContent, to audience: Audience, _ configuration: Configuration
    ) async throws -> Int64 {
        if let id = try await sendToServer(content, audience, configuration.database) { return id }
        // With the lock in hand, no server can start and miss what is written here.
        let lock = try takeLock(configuration.database)
        let store = try Store(configuration.store)
        let id = try store.transaction { () throws(StoreError) in
            try store.notifications.add(content, for: audience, at: .now).id.rawValue
        }
        return withExtendedLifetime(lock) { id }
    }

    private static func takeLock(_ database: String) throws -> StoreLock {
        do {
            return try StoreLock(databasePath: database)
        } catch {
            throw Failure(error.isBusy ? "a server runs on \(database), but does not answer" : "\(error)")
        }
    }

    private static func sendToServer(
        _ content: NotificationContent, _ audience: Audience, _ database: String
    ) async throws -> Int64? {
        guard let server = LocalClient(database: database) else { return nil }
        var body = JSONWriter()
        body.object {
            switch audience {
            case .person(let user): $0.member("user_id", user.rawValue)
            case .college(let college): $0.member("college_id", college.rawValue)
            case .everybody: break
            }
            $0.member("title", content.title)
            $0.member("message", content.message)
            $0.member("category", content.category)
            $0.member("type", content.type)
            if let link = content.link { $0.member("link", link) }
            $0.member("priority", content.priority.rawValue)
            $0.raw("data", content.data)
        }
        guard let answer = await server.post(body.bytes, to: "/api/notifications/send/") else {
            return nil
        }
        if answer.status == 200, let id = answer.withJSON({ $0["data"]?["id"]?.int64 }) { return id }
        throw Failure(
            answer.withJSON { $0["message"]?.string } ?? "the server answered with status \(answer.status)")
    }
}
