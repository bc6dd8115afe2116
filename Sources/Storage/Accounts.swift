package import Chat

/// People and their tokens. A token is stored as its digest only.
package final class Accounts {
    private let insertUser, userByID, userByName, users, page, search, password, administrator, state: Statement
    /// People who were looked up before. Who changes is forgotten.
    private var known: [UserID: User] = [:]
    private static let knownLimit = 100_000
    private let passID: Statement?
    private let insertToken, userByToken, tokens, deleteToken, deleteTokenByDigest, forgetTokens: Statement

    package init(_ database: Database) throws(StoreError) {
        insertUser = try database.prepare(
            sqlite: Self.insertUser("?1"), postgresql: Self.insertUser("coalesce(?1, nextval('users_id_seq'))"))
        // An id that somebody else gave is not given again.
        passID = try database.postgresql.map { _ throws(StoreError) in
            try database.prepare("SELECT setval('users_id_seq', greatest(?1, last_value)) FROM users_id_seq")
        }
        userByID = try database.prepare("SELECT id, username, name, college FROM users WHERE id = ?1")
        let byName = "SELECT id, username, name, college FROM users WHERE"
        userByName = try database.prepare(
            sqlite: "\(byName) username = ?1", postgresql: "\(byName) lower(username) = lower(?1 COLLATE \"C\")")
        users = try database.prepare("SELECT id, username, name, college FROM users WHERE state <> 2 ORDER BY id")
        page = try database.prepare(
            "SELECT id, username, name, college FROM users WHERE id > ?1 AND state <> 2 ORDER BY id LIMIT ?2")
        let found = { (place: String) in
            """
            SELECT id, username, name, college FROM users
            WHERE id > ?1 AND state <> 2 AND \(place)(folded, ?2) > 0 AND id <> ?3 ORDER BY id LIMIT ?4
            """
        }
        search = try database.prepare(sqlite: found("instr"), postgresql: found("strpos"))
        state = try database.prepare("SELECT state FROM users WHERE id = ?1")
        administrator = try database.prepare("SELECT is_admin FROM users WHERE id = ?1")
        password = try database.prepare("SELECT password FROM users WHERE id = ?1 AND state = 0")
        insertToken = try database.prepare(
            "INSERT INTO tokens (digest, user_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4) RETURNING id")
        userByToken = try database.prepare(
            """
            SELECT users.id, username, name, college, expires_at, tokens.id FROM tokens JOIN users ON users.id = user_id
            WHERE digest = ?1 AND state = 0 AND (expires_at IS NULL OR expires_at > ?2)
            """)
        tokens = try database.prepare(
            """
            SELECT tokens.id, user_id, username, tokens.created_at, expires_at
            FROM tokens JOIN users ON users.id = user_id WHERE cast(?1 AS bigint) IS NULL OR user_id = ?1 ORDER BY tokens.id
            """)
        deleteToken = try database.prepare("DELETE FROM tokens WHERE id = ?1")
        deleteTokenByDigest = try database.prepare("DELETE FROM tokens WHERE digest = ?1")
        forgetTokens = try database.prepare("DELETE FROM tokens WHERE expires_at <= ?1")
    }

    private static func insertUser(_ id: String) -> String {
        """
        INSERT INTO users (id, username, folded, name, college, password, is_admin, created_at, notifications_after)
        VALUES (\(id), ?2, ?3, ?4, ?5, ?6, ?7, ?8, (SELECT coalesce(max(id), 0) FROM notifications)) RETURNING id
        """
    }

    // MARK: - People

    /// - Parameters:
    ///   - id: Where somebody else gave it; else it is a new one.
    ///   - password: Encoded by argon2id; without one, the person signs in with tokens only.
    /// - Throws: ``StoreError/isConstraint`` when the username is taken.
    package func add(
        id: UserID? = nil, username: String, name: String, college: CollegeID?, password: String?,
        isAdministrator: Bool = false, at time: Timestamp
    ) throws(StoreError) -> User {
        if let id { _ = try passID?.first(.integer(id.rawValue)) { _ in } }
        let id = try insertUser.insert(
            SQLValue(id?.rawValue), .text(username), .text(username.lowercased()), .text(name),
            SQLValue(college?.rawValue),
            SQLValue(password), .integer(isAdministrator ? 1 : 0), .integer(time.microseconds))
        return User(id: UserID(id), username: username, name: name, college: college)
    }

    package func user(_ id: UserID) throws(StoreError) -> User? {
        if let user = known[id] { return user }
        guard let user = try userByID.first(.integer(id.rawValue), read: Self.user) else { return nil }
        if known.count >= Self.knownLimit { known = [:] }
        known[id] = user
        return user
    }

    /// Forgets what was looked up of a person, who has changed.
    package func forget(_ user: UserID) { known[user] = nil }

    /// Forgets who was looked up: a transaction was rolled back, and may have taken people with it.
    func forgetKnown() { known = [:] }

    /// - Parameter username: In upper or lower case.
    package func user(named username: String) throws(StoreError) -> User? {
        try userByName.first(.text(username), read: Self.user)
    }

    package func allUsers() throws(StoreError) -> [User] { try users.all(read: Self.user) }

    /// People by id.
    package func page(after id: UserID, limit: Int) throws(StoreError) -> [User] {
        try page.all(.integer(id.rawValue), .integer(Int64(limit)), read: Self.user)
    }

    /// People whose usernames contain a keyword, in upper or lower case, by id.
    ///
    /// - Parameter user: Who asks, and is left out.
    /// - Complexity: O(*n*) in all people.
    package func search(
        _ keyword: String, besides user: UserID?, after id: UserID = UserID(0), limit: Int
    ) throws(StoreError) -> [User] {
        try search.all(
            .integer(id.rawValue), .text(keyword.lowercased()), .integer(user?.rawValue ?? 0), .integer(Int64(limit)),
            read: Self.user)
    }

    package func isAdministrator(_ user: UserID) throws(StoreError) -> Bool {
        try administrator.first(.integer(user.rawValue)) { $0.integer(0) != 0 } ?? false
    }

    package enum State: Sendable {
        case active
        /// Can't sign in, and is not connected.
        case disabled
        /// Only the id is left.
        case deleted
    }

    /// `nil` where there never was such a person.
    package func state(of user: UserID) throws(StoreError) -> State? {
        try state.first(.integer(user.rawValue)) { row in
            switch row.integer(0) {
            case 0: .active
            case 1: .disabled
            default: .deleted
            }
        }
    }

    /// Gives those usernames a lower case that were stored before there was one, inside a transaction.
    func foldUsernames(in database: Database) throws(StoreError) {
        let missing = try database.prepare("SELECT id, username FROM users WHERE folded IS NULL")
        let fold = try database.prepare("UPDATE users SET folded = ?2 WHERE id = ?1")
        for (id, username) in try missing.all(read: { ($0.integer(0), $0.text(1)) }) {
            try fold.run(.integer(id), .text(username.lowercased()))
        }
    }

    /// The encoded password, or `nil` when the person has none or is switched off.
    package func password(of user: User) throws(StoreError) -> String? {
        try password.first(.integer(user.id.rawValue)) { $0.optionalText(0) } ?? nil
    }

    private static func user(_ row: Row) -> User {
        User(
            id: UserID(row.integer(0)), username: row.text(1), name: row.text(2),
            college: row.optionalInteger(3).map { CollegeID($0) })
    }

    // MARK: - Tokens

    /// What is known of a token, but for the token.
    package struct Token: Sendable {
        package let id: Int64
        package let user: UserID
        package let username: String
        package let createdAt: Timestamp
        package let expiresAt: Timestamp?
    }

    /// - Parameter digest: Of the token; see `Server`'s `AccessToken`.
    /// - Returns: The token's id, to revoke it by.
    package func addToken(
        digest: [UInt8], of user: UserID, at time: Timestamp, expiresAt: Timestamp?
    ) throws(StoreError) -> Int64 {
        try insertToken.insert(
            .blob(digest), .integer(user.rawValue), .integer(time.microseconds), SQLValue(expiresAt?.microseconds))
    }

    /// Who holds a token, and until when it is valid; `nil` when it is unknown, revoked or expired.
    package func holder(
        ofToken digest: [UInt8], at now: Timestamp
    ) throws(StoreError) -> (user: User, token: TokenID, expiresAt: Timestamp?)? {
        try userByToken.first(.blob(digest), .integer(now.microseconds)) { row in
            (Self.user(row), TokenID(row.integer(5)), row.optionalInteger(4).map { Timestamp(microseconds: $0) })
        }
    }

    /// - Parameter user: Whose, or `nil` for everybody's.
    package func tokens(of user: UserID?) throws(StoreError) -> [Token] {
        try tokens.all(SQLValue(user?.rawValue)) { row in
            Token(
                id: row.integer(0), user: UserID(row.integer(1)), username: row.text(2),
                createdAt: Timestamp(microseconds: row.integer(3)),
                expiresAt: row.optionalInteger(4).map { Timestamp(microseconds: $0) })
        }
    }

    /// Forgets tokens that expired before a moment.
    package func forgetTokens(expiredBefore moment: Timestamp) throws(StoreError) {
        try forgetTokens.run(.integer(moment.microseconds))
    }

    package func revokeToken(digest: [UInt8]) throws(StoreError) { try deleteTokenByDigest.run(.blob(digest)) }

    /// - Returns: Whether there was such a token.
    package func revokeToken(_ id: Int64) throws(StoreError) -> Bool {
        try deleteToken.change(.integer(id)) > 0
    }
}
