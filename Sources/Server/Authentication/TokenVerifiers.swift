package import Chat
import EventLoop
import Foundation
import JSON
package import JWT
import Synchronization

/// All whose JWTs are accepted: this server itself, and the logins that it stands beside.
///
/// A user id means the same person whoever vouches for it, so that each verifier is trusted with all accounts.
package final class TokenVerifiers: Sendable {
    private let verifiers: [FileVerifier]
    private let own: Key

    /// What the server's own tokens say about who made them.
    static let ownIssuer = "switchboard"

    /// - Parameter secret: The server's own.
    package init(
        _ settings: Configuration, secret: [UInt8], log: Log
    ) throws(ConfigurationError) {
        if settings.allowRegistration, settings.jwtSecret != nil || !settings.jwt.isEmpty {
            // Whoever registered could be given the id or the name of somebody whom the other login knows.
            throw ConfigurationError(
                "allow_registration and another login's JWTs (jwt_secret, jwt) exclude each other: both give out ids")
        }
        var list: [JWTSettings] = []
        var own = JWTSettings(name: "this server", source: .secret(secret))
        own.issuer = Self.ownIssuer
        list.append(own)
        if let secret = settings.jwtSecret {
            list.append(JWTSettings(name: "jwt_secret", source: .secret(Array(secret.utf8))))
        }
        list += settings.jwt
        var verifiers: [FileVerifier] = []
        for settings in list { verifiers.append(try FileVerifier(settings, log)) }
        self.verifiers = verifiers
        do { self.own = try Key(secret: secret) } catch {
            throw ConfigurationError("the server's own secret: \(error)")
        }
    }

    /// A token that was found to be genuine and valid.
    package struct Verified: Sendable {
        package let claims: Claims
        package let settings: JWTSettings

        /// `nil` when none of the claims says whose it is.
        package var identity: TokenIdentity? { TokenIdentity(claims, settings) }

        package var expiresAt: Timestamp? { claims.validUntil.map { Timestamp(microseconds: $0) } }
    }

    /// Why a token is refused: by each verifier, those first that know it as genuine.
    package struct Refused: Error {
        package let reasons: [(verifier: String, reason: JWT.Refusal)]
    }

    /// - Returns: What the token says, once for each verifier that accepts it.
    package func verify(_ token: String, at now: Timestamp) throws(Refused) -> [Verified] {
        var accepted: [Verified] = []
        var reasons: [(verifier: String, reason: JWT.Refusal)] = []
        for verifier in verifiers {
            do throws(JWT.Refusal) {
                accepted.append(
                    Verified(claims: try verifier.verify(token, at: now.microseconds), settings: verifier.settings))
            } catch {
                reasons.append((verifier.settings.name, error))
            }
        }
        if !accepted.isEmpty { return accepted }
        throw Refused(
            reasons: reasons.filter(\.reason.isOfGenuineToken) + reasons.filter { !$0.reason.isOfGenuineToken })
    }

    /// A token of the server's own, with claims that every verifier's defaults understand.
    package func makeToken(for user: User, at now: Timestamp, expiresAt: Timestamp) throws(SigningError) -> String {
        var json = JSONWriter()
        json.object {
            $0.member("iss", Self.ownIssuer)
            $0.member("sub", user.id.description)
            $0.member("user_id", user.id.rawValue)
            $0.member("username", user.username)
            $0.member("name", user.name)
            if let college = user.college { $0.member("college_id", college.rawValue) }
            $0.member("iat", now.microseconds / 1_000_000)
            $0.member("exp", (expiresAt.microseconds + 999_999) / 1_000_000)
        }
        return try own.sign(claims: json.bytes, using: .hs256)
    }
}

/// A verifier whose keys may be in a file, which is read again when it has changed.
private final class FileVerifier: Sendable {
    let settings: JWTSettings
    private let log: Log
    private let current: Mutex<(verifier: Verifier, stamp: FileStamp?)>

    init(_ settings: JWTSettings, _ log: Log) throws(ConfigurationError) {
        self.settings = settings
        self.log = log
        let stamp = settings.source.path.flatMap { FileStamp(ofFileAt: $0) }
        current = Mutex((try Self.read(settings), stamp))
    }

    func verify(_ token: String, at now: Int64) throws(JWT.Refusal) -> Claims {
        try verifier.verify(token, at: now)
    }

    private var verifier: Verifier {
        guard let path = settings.source.path else { return current.withLock { $0.verifier } }
        let stamp = FileStamp(ofFileAt: path)
        return current.withLock { current in
            // A file that is away for a moment, or broken, leaves the keys that were there.
            guard let stamp, stamp != current.stamp else { return current.verifier }
            current.stamp = stamp
            do throws(ConfigurationError) {
                current.verifier = try Self.read(settings)
                log.info("keys were read again", ["verifier": settings.name, "file": path])
            } catch {
                log.error("keys could not be read again", ["verifier": settings.name, "reason": error.description])
            }
            return current.verifier
        }
    }

    private static func read(_ settings: JWTSettings) throws(ConfigurationError) -> Verifier {
        var contents: [UInt8] = []
        if let path = settings.source.path {
            guard let data = FileManager.default.contents(atPath: path) else {
                throw ConfigurationError("jwt: \(settings.name): cannot read \(path)")
            }
            contents = Array(data)
        }
        do throws(KeyError) {
            return Verifier(
                keys: try settings.source.keys(contents), algorithms: settings.algorithms, issuer: settings.issuer,
                audiences: settings.audiences, leeway: settings.leeway)
        } catch {
            throw ConfigurationError(
                "jwt: \(settings.name): \(settings.source.path.map { "\($0): " } ?? "")\(error)")
        }
    }
}

extension JWTSettings.Source {
    fileprivate var path: String? {
        switch self {
        case .secret: nil
        case .secretFile(let path), .keyFile(let path), .jwksFile(let path): path
        }
    }

    /// - Parameter contents: Of the file, if there is one.
    fileprivate func keys(_ contents: [UInt8]) throws(KeyError) -> [Key] {
        switch self {
        case .secret(let secret): [try Key(secret: secret)]
        case .secretFile:
            // Editors and `echo` leave a line end behind.
            [try Key(secret: contents.reversed().drop { $0 == 10 || $0 == 13 }.reversed())]
        case .keyFile: [try Key(pem: contents)]
        case .jwksFile: try KeySet(parsing: contents).keys
        }
    }
}
