import Chat
import EventLoop
import HTTP
import JWT
import Storage

extension API {
    /// Who calls.
    enum Caller: Sendable {
        case person(User, Authentication.Credential, isAdministrator: Bool)
        /// A back end with one of the configured keys, or a command of the server's own user on this machine; by the
        /// digest of the key.
        case backEnd(key: String)

        var isAdministrator: Bool {
            switch self {
            case .person(_, _, let isAdministrator): isAdministrator
            case .backEnd: true
            }
        }

        var user: User? { if case .person(let user, _, _) = self { user } else { nil } }

        /// Tells callers apart that name their requests.
        var scope: String {
            switch self {
            case .person(let user, _, _): "person \(user.id)"
            case .backEnd(let key): "back end \(key)"
            }
        }
    }

    /// Who calls, or `nil` for somebody without a credential.
    ///
    /// - Throws: 401 when the credential is not valid.
    func optionalCaller(of call: Call) async throws -> Caller? {
        if call.isLocal { return .backEnd(key: "") }
        guard let credential = call.credential else { return nil }
        let digest = AccessToken.digest(of: credential)
        if isAPIKey(digest) { return .backEnd(key: Base64URL.encode(digest)) }
        switch await authenticator.authenticate(credential, from: call.address) {
        case .person(let user, let credential, _):
            let isAdministrator = try await readers.read { store throws(StoreError) in
                try store.accounts.isAdministrator(user.id)
            }
            if !isAdministrator, call.endpoint.method != .get { try spend(of: user.id) }
            return .person(user, credential, isAdministrator: isAdministrator)
        case .refused(let wait): throw wait.map { Problem.tooManyFailures(wait: $0) } ?? Problem.unauthenticated
        case .unavailable: throw Refusal.storeUnavailable
        }
    }

    /// Counts what a person sends over HTTP with what they send otherwise.
    private func spend(of user: UserID) throws {
        let wait = people.take(settings.messageRate, of: user, at: Int64(System.milliseconds) * 1000)
        if wait == 0 { return }
        throw Problem(
            .tooManyRequests, "Rate limit exceeded", headers: [("Retry-After", "\(wait / 1_000_000 + 1)")],
            reason: .personTooFast)
    }

    func caller(of call: Call) async throws -> Caller {
        guard let caller = try await optionalCaller(of: call) else { throw Problem.unauthenticated }
        return caller
    }

    /// The person who calls.
    func person(of call: Call) async throws -> User { try await signedIn(of: call).user }

    /// The same, and how they signed in.
    func signedIn(
        of call: Call
    ) async throws -> (user: User, credential: Authentication.Credential, isAdministrator: Bool) {
        guard case .person(let user, let credential, let isAdministrator) = try await caller(of: call) else {
            throw Problem(.forbidden, "This needs a person's token")
        }
        return (user, credential, isAdministrator)
    }

    @discardableResult
    func administrator(of call: Call) async throws -> Caller {
        let caller = try await caller(of: call)
        if !caller.isAdministrator { throw Problem(.forbidden, "This needs an administrator") }
        return caller
    }

    /// Whoever calls from this machine while the server listens on loopback only, whatever credential they bring; else an
    /// administrator (INTEROP.md, rooms).
    func openCaller(of call: Call) async throws -> Caller? {
        settings.listen.isLoopback && call.isFromThisMachine
            ? try? await optionalCaller(of: call) : try await administrator(of: call)
    }

    /// Whether a credential is one of the configured API keys.
    private func isAPIKey(_ digest: [UInt8]) -> Bool {
        // All of them, each in the same time: how long it takes tells nothing of any.
        settings.apiKeys.reduce(false) { AccessToken.isSame(AccessToken.digest(of: $1), digest) || $0 }
    }
}
