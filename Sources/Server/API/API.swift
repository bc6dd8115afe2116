import Chat
import Cluster
import EventLoop
import HTTP
import JSON
import Storage

/// What is asked over HTTP, apart from WebSockets; it waits for the store where it must.
///
/// docs/openapi.yaml describes it. Each part of the API is an extension that lists its endpoints beside what they do.
struct API: Sendable {
    /// What is done for one method at one path.
    struct Endpoint: Sendable {
        let method: Method
        let path: String
        /// Whether it may be asked for by any host's name: it tells nothing that is not for everybody.
        let isForAnyHost: Bool
        let respond: @Sendable (API, Call) async throws -> Response

        init(
            _ method: Method, _ path: String, isForAnyHost: Bool = false,
            _ respond: @escaping @Sendable (API, Call) async throws -> Response
        ) {
            self.method = method
            self.path = path
            self.isForAnyHost = isForAnyHost
            self.respond = respond
        }
    }

    static let endpoints =
        healthEndpoints + accountEndpoints + userEndpoints + conversationEndpoints + messageEndpoints
        + notificationEndpoints + noticeEndpoints + bulkMessageEndpoints + roomEndpoints + metricsEndpoints
        + drainEndpoints

    /// Bytes of people's text after which a page of an answer ends: a client may be slow to read it.
    static let pageBytes = 256 << 10

    /// One request, and where it came from.
    struct Call: Sendable {
        let endpoint: Endpoint
        let request: Request
        let parameters: [String]
        let isLocal: Bool
        /// Whether a proxy said in a PROXY header that it speaks for somebody.
        let isProxied: Bool
        let address: String
    }

    var settings: Configuration
    var chat: Chat
    let exchange: Exchange
    let writer: Writer
    let authenticator: Authenticator
    /// For what is found at once.
    let readers: Readers
    /// For what may take long.
    let archive: Readers
    let people: People
    let throttle = LoginThrottle()
    let registrations = RegistrationThrottle()
    /// Hashing passwords takes long, so it has its own thread; a short queue, because who waits longer has left.
    let hashing = Worker<@Sendable () -> Void>(limit: 64, owning: ()) { _, batch in for work in batch { work() } }
    let state: ServerState
    let bridges: Bridges?
    let bus: BusCounts?
    let scrape: Scrape
    let log: Log

    func respond(to call: Call) async -> Response {
        do {
            return try await call.endpoint.respond(self, call)
        } catch let problem as Problem {
            return refuse(problem, problem.reason)
        } catch let refusal as Refusal {
            return refuse(Problem(refusal), RefusalReason(refusal))
        } catch {
            return refuse(Problem(.storeUnavailable), .storeUnavailable)
        }
    }

    private func refuse(_ problem: Problem, _ reason: RefusalReason) -> Response {
        scrape.refusals.note(reason)
        return .error(problem.status, problem.message, headers: problem.headers)
    }

    /// Makes a change, and waits until it is on the disk.
    ///
    /// - Throws: The refusal, where it is one.
    func perform(_ change: Change) async throws -> Outcome {
        let outcome = await writer.perform(change)
        if case .refused(let refusal) = outcome { throw refusal }
        return outcome
    }

    // MARK: - Health

    /// What is answered also where there are too many connections: whoever watches the server has to see that.
    static let watchedPaths: Set = ["/healthz", "/readyz", "/metrics"]

    private static let healthEndpoints = [
        Endpoint(.get, "/healthz", isForAnyHost: true) { _, _ in .json { $0.member("status", "ok") } },
        Endpoint(.get, "/readyz", isForAnyHost: true) { api, _ in api.readiness() },
    ]

    private func readiness() -> Response {
        if state.isDraining { return .error(.serviceUnavailable, "The server is draining") }
        if let reason = writer.failureReason {
            return .error(.serviceUnavailable, reason)
        }
        if let reason = bus?.problem { return .error(.serviceUnavailable, reason) }
        if let reason = bridges?.failureReason { return .error(.serviceUnavailable, reason) }
        return .json { $0.member("status", "ready") }
    }
}
