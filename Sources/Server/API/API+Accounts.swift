import Chat
import EventLoop
import HTTP
import JSON
import Storage

extension API {
    static let accountEndpoints = [
        Endpoint(.post, "/api/auth/register/") { try await $0.register($1) },
        Endpoint(.post, "/api/auth/login/") { try await $0.login($1) },
        Endpoint(.post, "/api/auth/logout/") { try await $0.logout($1) },
        Endpoint(.get, "/api/auth/me/") { try await $0.whoAmI($1) },
    ]

    /// What somebody who registers says.
    private struct Registration {
        let username, password, name: String
        let college: CollegeID?

        init(_ body: JSONValue) throws {
            username = try body.requiredText("username")
            password = try body.requiredText("password")
            name = try body.text("name") ?? username
            college = try body.college()
            guard User.isUsername(username) else {
                throw Problem(
                    .badRequest, "username must be 1 to 150 letters, digits and @ . + - _, not digits alone")
            }
            guard (8...1024).contains(password.utf8.count) else {
                throw Problem(.badRequest, "password must have 8 to 1024 bytes")
            }
            guard User.isName(name) else { throw Problem(.badRequest, "name must have 1 to 300 characters") }
        }
    }

    private static let usernameTaken = Problem(.conflict, "The username is taken")
    /// Where as many passwords wait, registrations leave the rest of the queue to logins.
    private static let registrationsAtOnce = 16

    private func register(_ call: Call) async throws -> Response {
        let isAdministrator = try await optionalCaller(of: call)?.isAdministrator ?? false
        guard settings.allowRegistration || isAdministrator else {
            throw Problem(.forbidden, "Registration is not allowed")
        }
        let registration = try call.withBody { try Registration($0) }
        if registration.college != nil, !isAdministrator {
            // Whoever could choose a college would hear what is not for them.
            throw Problem(.forbidden, "college_id may be set by an administrator only")
        }
        if !isAdministrator, let wait = registrations.attempt(from: call.address, at: .now) {
            throw Problem(
                .tooManyRequests, "Too many registrations; try again later", headers: [("Retry-After", String(wait))])
        }
        // Before the work of hashing.
        let isTaken = try await readers.read { store throws(StoreError) in
            try store.accounts.user(named: registration.username) != nil
        }
        if isTaken { throw Self.usernameTaken }
        let password = try await hash(limit: Self.registrationsAtOnce) { PasswordHash.make(of: registration.password) }
        let token = AccessToken()
        let digest = token.digest
        let user = try await writer.perform { store throws(StoreError) -> User? in
            // Asked again: an error would look as if the store could not write.
            if try store.accounts.user(named: registration.username) != nil { return nil }
            let user = try store.accounts.add(
                username: registration.username, name: registration.name, college: registration.college,
                password: password, at: .now)
            _ = try store.accounts.addToken(digest: digest, of: user.id, at: .now, expiresAt: nil)
            return user
        }
        guard let user else { throw Self.usernameTaken }
        return Self.welcome(user, token, .created)
    }

    private func login(_ call: Call) async throws -> Response {
        let (username, password) = try call.withBody { body in
            guard let username = body["username"]?.string, let password = body["password"]?.string else {
                throw Problem(.badRequest, "username and password are required")
            }
            return (username, password)
        }
        // No account has such a name, and what is counted by name must stay small.
        if username.utf8.count > 600 { throw Problem.wrongLogin }
        if let wait = throttle.attempt(username, from: call.address, at: .now) {
            throw Problem.tooManyFailures(wait: wait)
        }
        let account = try await readers.read { store throws(StoreError) -> (user: User, password: String?)? in
            guard let user = try store.accounts.user(named: username) else { return nil }
            return (user, try store.accounts.password(of: user))
        }
        // An unknown name costs the same work as a wrong password.
        let isRight: Bool
        do {
            isRight = try await hash { PasswordHash.verify(password, against: account?.password) }
        } catch {
            throttle.forgive(username, from: call.address)
            throw error
        }
        guard isRight, let user = account?.user else {
            if throttle.fail(from: call.address, at: .now) {
                log.warning("failing logins are slowed down", ["address": call.address])
            }
            throw Problem.wrongLogin
        }
        throttle.succeed(username, from: call.address)
        let token = AccessToken()
        let digest = token.digest
        _ = try await writer.perform { store throws(StoreError) in
            try store.accounts.addToken(digest: digest, of: user.id, at: .now, expiresAt: nil)
        }
        return Self.welcome(user, token, .ok)
    }

    private static func welcome(_ user: User, _ token: AccessToken, _ status: Status) -> Response {
        .json(status) {
            $0.member("token", token.text)
            $0.object("user") { user.write(members: &$0) }
        }
    }

    private static let tooManyPasswords = Problem(
        .serviceUnavailable, "Too many passwords at once", headers: [("Retry-After", "5")])

    /// Hashes on the thread that is there for it, unless as many as `limit` wait.
    private func hash<Result: Sendable>(
        limit: Int = .max, _ work: @escaping @Sendable () -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            if hashing.count >= limit || !hashing.post({ continuation.resume(returning: work()) }) {
                continuation.resume(throwing: Self.tooManyPasswords)
            }
        }
    }

    private func logout(_ call: Call) async throws -> Response {
        guard case .opaque(_, let digest) = try await signedIn(of: call).credential else {
            throw Problem(.badRequest, "A JWT ends when it expires")
        }
        try await writer.perform { store throws(StoreError) in try store.accounts.revokeToken(digest: digest) }
        return .success
    }

    private func whoAmI(_ call: Call) async throws -> Response {
        let (user, _, isAdministrator) = try await signedIn(of: call)
        return .json {
            user.write(members: &$0)
            $0.member("is_admin", isAdministrator)
        }
    }
}
