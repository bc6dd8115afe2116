import Chat
import Dialects
import Storage

/// Whose a token is.
enum Authentication: Sendable {
    case person(User, Credential, expiresAt: Timestamp?)
    /// Unknown, revoked or expired.
    case refused
    /// The store could not be read.
    case unavailable

    /// What somebody signed in with.
    enum Credential: Sendable {
        /// The digest of a token that the store knows.
        case opaque(digest: [UInt8])
        case jwt

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

    init(_ readers: Readers) { self.readers = readers }

    /// - Parameter tell: Called once, on another thread.
    func authenticate(_ token: String, tell: @escaping @Sendable (Authentication) -> Void) {
        let digest = AccessToken.digest(of: token)
        let isQueued = readers.submit { store in
            do {
                let holder = try store.accounts.holder(ofToken: digest, at: .now)
                tell(holder.map { .person($0.user, .opaque(digest: digest), expiresAt: $0.expiresAt) } ?? .refused)
            } catch {
                tell(.unavailable)
            }
        }
        if !isQueued { tell(.unavailable) }
    }

    func authenticate(_ token: String) async -> Authentication {
        await withCheckedContinuation { continuation in
            authenticate(token) { continuation.resume(returning: $0) }
        }
    }
}
