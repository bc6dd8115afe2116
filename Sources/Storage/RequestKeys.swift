import Chat

/// What callers named their requests, and what came of those.
final class RequestKeys {
    /// How long a name is remembered: a day.
    static let lifetime = Duration.seconds(86_400)

    private let find, insert, forget: Statement

    init(_ database: Database) throws(StoreError) {
        find = try database.prepare(
            "SELECT result_id FROM request_keys WHERE scope = ?1 AND name = ?2 AND created_at > ?3")
        insert = try database.prepare(
            """
            INSERT INTO request_keys (scope, name, result_id, created_at) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (scope, name) DO UPDATE SET result_id = excluded.result_id, created_at = excluded.created_at
            """)
        forget = try database.prepare("DELETE FROM request_keys WHERE created_at <= ?1")
    }

    /// The result of the request that had this name before.
    func result(of key: RequestKey?, at now: Timestamp) throws(StoreError) -> Int64? {
        guard let key else { return nil }
        return try find.first(
            .text(key.scope), .text(key.name.text), .integer((now - Self.lifetime).microseconds)
        ) { $0.integer(0) }
    }

    func remember(_ result: Int64, of key: RequestKey?, at now: Timestamp) throws(StoreError) {
        guard let key else { return }
        try insert.run(.text(key.scope), .text(key.name.text), .integer(result), .integer(now.microseconds))
    }

    func forget(at now: Timestamp) throws(StoreError) {
        try forget.run(.integer((now - Self.lifetime).microseconds))
    }
}
