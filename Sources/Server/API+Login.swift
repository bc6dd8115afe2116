package import Chat
import EventLoop
import HTTP
package import JSON
import Storage

extension API {
    func login(_ call: Call) async throws -> Response {
        let (username, password) = try Self.withBody(of: call) { body in
            guard let username = body["username"]?.string, let password = body["password"]?.string else {
                throw Problem(.badRequest, "username and password are required")
            }
            return (username, password)
        }
        // No account has such a name, and what is counted by name must stay small.
        if username.utf8.count > 600 { throw Problem(.unauthorized, "Invalid username or password") }
        if let wait = throttle.attempt(username, from: call.address, at: .now) {
            log.warning("logins are slowed down after failures", ["address": call.address])
            throw Problem(
                .tooManyRequests, "Too many failed attempts; try again later", headers: [("Retry-After", String(wait))])
        }
        let account = try await readers.read { store throws(StoreError) -> (user: User, password: String?)? in
            guard let user = try store.accounts.user(named: username) else { return nil }
            return (user, try store.accounts.password(of: user))
        }
        // An unknown name costs the same work as a wrong password.
        let isRight: Bool
        do {
            isRight = try await verify(password, against: account?.password)
        } catch {
            throttle.forgive(username, from: call.address)
            throw error
        }
        guard isRight, let user = account?.user else {
            throw Problem(.unauthorized, "Invalid username or password")
        }
        throttle.forgive(username, from: call.address)
        let token = AccessToken()
        let digest = token.digest
        _ = try await writer.perform { store throws(StoreError) in
            try store.accounts.addToken(digest: digest, of: user.id, at: .now, expiresAt: nil)
        }
        return .json(
            .ok,
            Self.json {
                $0.member("token", token.text)
                $0.object("user") { user.write(members: &$0) }
            })
    }

    private func verify(_ password: String, against encoded: String?) async throws -> Bool {
        try await withCheckedThrowingContinuation { continuation in
            let isQueued = hashing.post {
                continuation.resume(returning: PasswordHash.verify(password, against: encoded))
            }
            if !isQueued {
                continuation.resume(
                    throwing: Problem(.serviceUnavailable, "Too many logins at once", headers: [("Retry-After", "5")]))
            }
        }
    }
}

extension User {
    /// Writes the public facts as members of an object.
    package func write(members json: inout JSONWriter) {
        json.member("id", id.rawValue)
        json.member("username", username)
        json.member("name", name)
        if let college { json.member("college", college.rawValue) } else { json.null("college") }
    }
}
