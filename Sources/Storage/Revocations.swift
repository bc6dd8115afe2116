package import Chat

/// What has been revoked, in order. Triggers of the database note it, so that nobody who revokes something has to think
/// of those who are connected by it: neither this process nor a command beside it.
final class Revocations {
    /// The last one that was seen.
    var last: Int64 = 0
    private let news, newest, forget: Statement

    init(_ database: Database) throws(StoreError) {
        news = try database.prepare("SELECT id, token_id, digest, user_id FROM revocations WHERE id > ?1 ORDER BY id")
        newest = try database.prepare("SELECT coalesce(max(id), 0) FROM revocations")
        forget = try database.prepare("DELETE FROM revocations WHERE revoked_at < ?1 AND id <= ?2")
        last = try newest.first { $0.integer(0) } ?? 0
    }

    func takeNews() throws(StoreError) -> [Revocation] {
        try news.all(.integer(last)) { row in
            last = row.integer(0)
            guard let token = row.optionalInteger(1) else { return .person(UserID(row.integer(3))) }
            return .token(TokenID(token), digest: row.blob(2))
        }
    }

    func forget(before moment: Timestamp) throws(StoreError) {
        try forget.run(.integer(moment.microseconds), .integer(last))
    }
}

extension Store {
    /// What was revoked since the last call, by whomever, inside a transaction.
    package func takeRevocations() throws(StoreError) -> [Revocation] {
        let news = try revocations.takeNews()
        for case .person(let user) in news { try forget(user) }
        return news
    }

    /// Forgets what everybody has heard of that was revoked before a moment.
    package func forgetRevocations(before moment: Timestamp) throws(StoreError) {
        try revocations.forget(before: moment)
    }
}
