import Chat
import Dialects
import Storage

/// Whose a token is.
enum Authentication: Sendable {
    case person(User, Credential, expiresAt: Timestamp?)
    /// Unknown, revoked, expired, or not genuine; with the seconds to wait where too many were.
    case refused(wait: Int? = nil)
    /// The store could not be read, or written where an account was to be made.
    case unavailable

    /// What somebody signed in with.
    enum Credential: Sendable {
        /// A token that the store knows.
        case opaque(TokenID, digest: [UInt8])
        case jwt

        var token: TokenID? { if case .opaque(let id, _) = self { id } else { nil } }

        var kind: TokenKind {
            switch self {
            case .opaque: .opaque
            case .jwt: .jwt
            }
        }
    }
}

/// Finds out whose a token is: for handshakes and for the API, in the same way.
final class Authenticator: Sendable {
    private let readers: Readers
    private let writer: Writer
    private let verifiers: TokenVerifiers
    let throttle: TokenThrottle
    private let log: Log

    init(_ readers: Readers, _ writer: Writer, _ verifiers: TokenVerifiers, _ throttle: TokenThrottle, log: Log) {
        self.throttle = throttle
        self.log = log
        self.readers = readers
        self.writer = writer
        self.verifiers = verifiers
    }

    /// - Parameters:
    ///   - address: Where it came from: whose tokens fail too often is slowed down.
    ///   - tell: Called once, mostly on another thread.
    func authenticate(_ token: String, from address: String, tell: @escaping @Sendable (Authentication) -> Void) {
        if let wait = throttle.wait(for: token, from: address, at: .now) { return tell(.refused(wait: wait)) }
        let tell = { @Sendable [self] (authentication: Authentication) in
            if case .refused = authentication {
                tell(.refused(wait: fail(token, from: address)))
            } else {
                tell(authentication)
            }
        }
        let isQueued = readers.submit { [self] store in
            do {
                if AccessToken.isOpaque(token) {
                    tell(try authenticate(opaque: token, store))
                } else {
                    try authenticate(jwt: token, store, tell)
                }
            } catch {
                tell(.unavailable)
            }
        }
        if !isQueued { tell(.unavailable) }
    }

    func authenticate(_ token: String, from address: String) async -> Authentication {
        await withCheckedContinuation { continuation in
            authenticate(token, from: address) { continuation.resume(returning: $0) }
        }
    }

    /// - Returns: How many seconds to wait, where too many failed before.
    private func fail(_ token: String, from address: String) -> Int? {
        let failure = throttle.fail(token, from: address, at: .now)
        if failure.isLast { log.warning("failing tokens are slowed down", ["address": address]) }
        return failure.wait
    }

    private func authenticate(opaque token: String, _ store: ReadStore) throws(StoreError) -> Authentication {
        let digest = AccessToken.digest(of: token)
        let holder = try store.accounts.holder(ofToken: digest, at: .now)
        return holder.map { .person($0.user, .opaque($0.token, digest: digest), expiresAt: $0.expiresAt) } ?? .refused()
    }

    private func authenticate(
        jwt token: String, _ store: ReadStore, _ tell: @escaping @Sendable (Authentication) -> Void
    ) throws(StoreError) {
        guard let accepted = try? verifiers.verify(token, at: .now) else { return tell(.refused()) }
        for verified in accepted {
            if let user = try verified.identity?.find(in: store.accounts) {
                guard try store.accounts.state(of: user.id) == .active else { return tell(.refused()) }
                return tell(.person(user, .jwt, expiresAt: verified.expiresAt))
            }
        }
        guard let creator = accepted.first(where: { $0.settings.createsUsers && $0.identity?.canBeAdded == true }),
            let identity = creator.identity
        else { return tell(.refused()) }
        let expiresAt = creator.expiresAt
        let work = Submission.Work(
            run: { store, _ throws(StoreError) in
                let user = try identity.findOrAdd(to: store.accounts)
                return { tell(.person(user, .jwt, expiresAt: expiresAt)) }
            },
            fail: { _ in tell(.unavailable) })
        if !writer.submit(.work(work)) { tell(.unavailable) }
    }
}
