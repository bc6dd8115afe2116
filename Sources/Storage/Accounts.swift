package import Chat

/// People and their tokens. A token is stored as its digest only.
package final class Accounts {
    private let database: Database
    private let insertUser, userByID, userByName, users, password: Statement
    private let insertToken, userByToken, tokens, deleteToken, forgetTokens: Statement

    package init(_ database: Database) throws(StoreError) {
        self.database = database
        insertUser = try database.prepare(
            """
            INSERT INTO users (username, name, college, password, created_at, notifications_after)
            VALUES (?1, ?2, ?3, ?4, ?5, (SELECT coalesce(max(id), 0) FROM notifications))
            """)
        userByID = try database.prepare("SELECT id, username, name, college FROM users WHERE id = ?1")
        userByName = try database.prepare("SELECT id, username, name, college FROM users WHERE username = ?1")
        users = try database.prepare("SELECT id, username, name, college FROM users ORDER BY id")
        password = try database.prepare("SELECT password FROM users WHERE id = ?1")
        insertToken = try database.prepare(
            "INSERT INTO tokens (digest, user_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)")
        userByToken = try database.prepare(
            """
            SELECT users.id, username, name, college, expires_at FROM tokens JOIN users ON users.id = user_id
            WHERE digest = ?1 AND (expires_at IS NULL OR expires_at > ?2)
            """)
        tokens = try database.prepare(
            """
            SELECT tokens.id, user_id, username, tokens.created_at, expires_at
            FROM tokens JOIN users ON users.id = user_id WHERE ?1 IS NULL OR user_id = ?1 ORDER BY tokens.id
            """)
        deleteToken = try database.prepare("DELETE FROM tokens WHERE id = ?1")
        forgetTokens = try database.prepare("DELETE FROM tokens WHERE expires_at <= ?1")
    }

    // MARK: - People

    /// - Parameter password: Encoded by argon2id; without one, the person signs in with tokens only.
    /// - Throws: ``StoreError/isConstraint`` when the username is taken.
    package func add(
        username: String, name: String, college: CollegeID?, password: String?, at time: Timestamp
    ) throws(StoreError) -> User {
        try insertUser.run(
            .text(username), .text(name), SQLValue(college?.rawValue), SQLValue(password),
            .integer(time.microseconds))
        return User(id: UserID(database.lastInsertedRow), username: username, name: name, college: college)
    }

    package func user(_ id: UserID) throws(StoreError) -> User? {
        try userByID.first(.integer(id.rawValue), read: Self.user)
    }

    /// - Parameter username: In upper or lower case.
    package func user(named username: String) throws(StoreError) -> User? {
        try userByName.first(.text(username), read: Self.user)
    }

    package func allUsers() throws(StoreError) -> [User] { try users.all(read: Self.user) }

    /// The encoded password, or `nil` when the person has none.
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
        try insertToken.run(
            .blob(digest), .integer(user.rawValue), .integer(time.microseconds), SQLValue(expiresAt?.microseconds))
        return database.lastInsertedRow
    }

    /// Who holds a token, and until when it is valid; `nil` when it is unknown, revoked or expired.
    package func holder(
        ofToken digest: [UInt8], at now: Timestamp
    ) throws(StoreError) -> (user: User, expiresAt: Timestamp?)? {
        try userByToken.first(.blob(digest), .integer(now.microseconds)) { row in
            (Self.user(row), row.optionalInteger(4).map { Timestamp(microseconds: $0) })
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

    /// - Returns: Whether there was such a token.
    package func revokeToken(_ id: Int64) throws(StoreError) -> Bool {
        try deleteToken.run(.integer(id))
        return database.changedRows > 0
    }
}
