import Chat
import EventLoop
import HTTP
import JSON
import Storage

/// The HTTP API: JSON in and out. Cold code; it waits for the store where it must.
struct API: Sendable {
    enum Endpoint: CaseIterable, Sendable {
        case health, readiness, login, notifications, readNotification, sendNotification

        var method: Method {
            switch self {
            case .health, .readiness, .notifications: .get
            case .login, .readNotification, .sendNotification: .post
            }
        }

        var path: String {
            switch self {
            case .health: "/healthz"
            case .readiness: "/readyz"
            case .login: "/api/auth/login/"
            case .notifications: "/api/notifications/"
            case .readNotification: "/api/notifications/{id}/read/"
            case .sendNotification: "/api/notifications/send/"
            }
        }
    }

    /// One request, and where it came from.
    struct Call: Sendable {
        let endpoint: Endpoint
        let request: Request
        let parameters: [String]
        let isLocal: Bool
        let address: String
    }

    let settings: Configuration
    let writer: Writer
    let readers: Readers
    let throttle = LoginThrottle()
    /// Hashing passwords takes long, so it has its own thread; a short queue, because who waits longer has left.
    let hashing = Worker<@Sendable () -> Void>(limit: 64, owning: ()) { _, batch in for work in batch { work() } }
    let state: ServerState
    let log: Log

    func respond(to call: Call) async -> Response {
        do {
            switch call.endpoint {
            case .health: return .json(.ok, Self.json { $0.member("status", "ok") })
            case .readiness: return readiness()
            case .login: return try await login(call)
            case .notifications: return try await notifications(call)
            case .readNotification: return try await readNotification(call)
            case .sendNotification: return try await sendNotification(call)
            }
        } catch let problem as Problem {
            return .error(problem.status, problem.message, headers: problem.headers)
        } catch {
            return .error(.serviceUnavailable, "The store is not available", headers: [("Retry-After", "1")])
        }
    }

    /// What a caller did wrong.
    struct Problem: Error {
        let status: Status
        let message: String
        var headers: [Response.Header] = []

        init(_ status: Status, _ message: String, headers: [Response.Header] = []) {
            self.status = status
            self.message = message
            self.headers = headers
        }
    }

    private func readiness() -> Response {
        if state.isStopping { return .error(.serviceUnavailable, "The server is stopping") }
        if let reason = writer.failureReason {
            return .error(.serviceUnavailable, "The store cannot write: \(reason)")
        }
        return .json(.ok, Self.json { $0.member("status", "ready") })
    }

    // MARK: - What endpoints share

    static func json(_ write: (inout JSONWriter) -> Void) -> [UInt8] {
        var json = JSONWriter()
        json.object(write)
        return json.bytes
    }

    /// The body as a JSON object.
    static func withBody<Result>(of call: Call, _ read: (JSONValue) throws -> Result) throws -> Result {
        // A form or plain text is what a foreign page could send without being asked; JSON is not.
        if let type = call.request.contentType, type != "application/json" {
            throw Problem(.unsupportedMediaType, "The body must be application/json")
        }
        let parser = JSONParser(maximumLength: max(1, call.request.body.count))
        guard let body = try? parser.parse(call.request.body.span), body.isObject else {
            throw Problem(.badRequest, "Invalid JSON format")
        }
        return try read(body)
    }

    /// The token that a caller brought: `Authorization: Bearer …` or `Token …`.
    static func credential(of call: Call) -> String? {
        guard let header = call.request.header("authorization"), let space = header.firstIndex(of: " ") else {
            return nil
        }
        guard ["bearer", "token"].contains(header[..<space].lowercased()) else { return nil }
        return String(header[header.index(after: space)...].drop { $0 == " " })
    }

    /// The person who calls.
    func caller(of call: Call) async throws -> User {
        if let token = Self.credential(of: call) {
            let digest = AccessToken.digest(of: token)
            let user = try await readers.read { store throws(StoreError) in
                try store.accounts.holder(ofToken: digest, at: .now)?.user
            }
            if let user { return user }
        }
        throw Problem(.unauthorized, "Authentication required", headers: [("WWW-Authenticate", "Bearer")])
    }

    /// Whether the caller brought one of the configured API keys.
    func hasAPIKey(_ call: Call) -> Bool {
        guard let key = Self.credential(of: call) else { return false }
        // Digests have one length and reveal nothing by where they differ.
        let digest = AccessToken.digest(of: key)
        return settings.apiKeys.contains { AccessToken.digest(of: $0) == digest }
    }
}
