import Chat
import Dialects
import WebSocket

/// Who is let in, and whose right to be there has ended.
extension Hub {
    /// Whose a token is, where that is known at once; else it is looked up, and the answer comes as mail.
    func authenticate(_ token: String, from address: String, for id: ConnectionID) -> Authentication? {
        if AccessToken.isOpaque(token), let known = knownTokens.find(AccessToken.digest(of: token)) { return known }
        let exchange = exchange
        api.authenticator.authenticate(token, from: address) { exchange.send(.authenticated(id, $0), to: id) }
        return nil
    }

    /// The answer, unless it is out of date by now.
    func authenticated(_ authentication: Authentication, _ id: ConnectionID) {
        var authentication = authentication
        if let holder = authentication.holder, revocations.include(holder) {
            authentication = .refused()
        } else {
            knownTokens.remember(authentication)
        }
        carrier(id)?.authenticated(authentication)
    }

    /// Something was revoked: sessions that are open end with the next tick.
    func heard(_ revocation: Revocation) {
        knownTokens.forget(revocation)
        revocations.add(revocation, at: wheel.now)
    }

    /// Ends the sessions whose right to be there has ended; many revocations cost one look through all.
    func endRevoked() {
        if revocations.isEmpty { return }
        if revocations.hasNews {
            for carrier in carriers {
                guard let holder = carrier.session?.holder, revocations.include(holder) else { continue }
                carrier.close(.unauthorized, "Token revoked")
            }
        }
        revocations.applied(at: wheel.now, isBehind: isBehind)
    }
}

extension Authentication {
    var holder: Holder? {
        guard case .person(let user, let credential, _) = self else { return nil }
        return Holder(user: user.id, token: credential.token)
    }
}
