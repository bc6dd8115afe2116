import Chat
import Server
import Storage

/// `switchboard token check`: the same judgement as the server's, with its reasons.
enum TokenCheck {
    static func run(_ arguments: Arguments) throws {
        let word = try arguments.words.isEmpty ? nil : arguments.onlyWord("TOKEN")
        guard let token = word ?? readLine(), !token.isEmpty else {
            throw UsageError("TOKEN is missing, and standard input holds none")
        }
        let store = try CommandStore.open(arguments)
        if token.contains(".") {
            try check(jwt: token, store, arguments)
        } else {
            try check(opaque: token, store)
        }
    }

    private static func check(opaque token: String, _ store: Store) throws {
        guard let holder = try store.accounts.holder(ofToken: AccessToken.digest(of: token), at: .now) else {
            throw Failure("refused: the token is unknown, revoked or expired, or its holder is switched off")
        }
        accept(describe(holder.user), "an opaque token", until: holder.expiresAt, otherwise: "until it is revoked")
    }

    private static func check(jwt token: String, _ store: Store, _ arguments: Arguments) throws {
        let configuration = try arguments.configuration()
        let verifiers = try TokenVerifiers(
            configuration, secret: store.tokenSecret(), log: .quiet)
        let accepted: [TokenVerifiers.Verified]
        do throws(TokenVerifiers.Refused) {
            accepted = try verifiers.verify(token, at: .now)
        } catch {
            let reasons = error.reasons.map { "  by \($0.verifier): \($0.reason)" }
            throw Failure((["refused"] + reasons).joined(separator: "\n"))
        }
        var reasons: [String] = []
        for verified in accepted {
            let source = "a JWT accepted by \(verified.settings.name)"
            guard let identity = verified.identity else {
                let claims = verified.settings.idClaims.joined(separator: ", ")
                reasons.append("\(source), but none of the claims \(claims) says whose it is")
                continue
            }
            if let user = try identity.find(in: store.accounts) {
                guard try store.accounts.state(of: user.id) == .active else {
                    throw Failure("refused: \(source), but \(describe(user)) is switched off or deleted")
                }
                return accept(describe(user), source, until: verified.expiresAt, otherwise: "for ever")
            }
            if verified.settings.createsUsers, identity.canBeAdded {
                return accept(
                    "\(describe(identity)), who gets an account on connecting", source, until: verified.expiresAt,
                    otherwise: "for ever")
            }
            let obstacle = verified.settings.createsUsers ? "the id is beyond 2^52" : "create_users is off"
            reasons.append("\(source), but there is no \(describe(identity)), and \(obstacle)")
        }
        throw Failure("refused: " + reasons.joined(separator: "\n  "))
    }

    private static func accept(
        _ holder: String, _ source: String, until expiry: Timestamp?, otherwise unlimited: String
    ) {
        let term = expiry.map { "until \($0.formatted(.seconds))" } ?? unlimited
        Terminal.print("valid: \(source), of \(holder), \(term)")
    }

    private static func describe(_ user: User) -> String { "user \(user.id) (\(user.username))" }

    private static func describe(_ identity: TokenIdentity) -> String {
        switch identity.name {
        case .id(let id): "user \(id)"
        case .username(let username): "user named \(username)"
        }
    }
}
