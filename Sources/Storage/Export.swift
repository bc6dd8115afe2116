package import Chat

/// Everything that a database holds, or all that is of one person, as lines of JSON; passwords, tokens and secrets
/// left out. docs/OPERATION.md describes the lines.
package final class Export {
    private let database: Database
    private let user: UserID?

    /// - Parameter user: Whose; `nil` for everybody's.
    package init(path: String, of user: UserID?) throws(StoreError) {
        database = try Database(path: path, .readOnly)
        self.user = user
        // Of one moment, whatever is written meanwhile.
        try database.execute("BEGIN")
    }

    /// Hands out line after line.
    ///
    /// - Returns: How many there were.
    package func forEachLine(_ body: (String) throws -> Void) throws -> Int {
        var count = 0
        var failure: (any Error)?
        for part in user == nil ? Self.parts + Self.commonParts : Self.parts {
            let statement = try database.prepare(part)
            try statement.forEach(SQLValue(user?.rawValue)) { row in
                do {
                    try body(row.text(0))
                    count += 1
                    return true
                } catch {
                    failure = error
                    return false
                }
            }
            if let failure { throw failure }
        }
        return count
    }

    private static func time(_ column: String) -> String {
        """
        iif(\(column) IS NULL, NULL, strftime('%Y-%m-%dT%H:%M:%S', \(column) / 1000000, 'unixepoch')
            || printf('.%06dZ', \(column) % 1000000))
        """
    }

    private static func flag(_ condition: String) -> String { "json(iif(\(condition), 'true', 'false'))" }

    private static let audience = """
        'audience', CASE audience WHEN 0 THEN 'everybody' WHEN 1 THEN 'college' ELSE 'person' END,
        'audience_id', nullif(audience_id, 0)
        """
    private static let content = """
        'title', title, 'message', message, 'category', category, 'type', type, 'link', link, 'priority', priority,
        'data', json(data)
        """

    /// What people have; `?1` is the person, or null for everybody.
    private static let parts = [
        """
        SELECT json_object('kind', 'user', 'id', id, 'username', username, 'name', name, 'college', college,
            'is_admin', \(flag("is_admin")), 'state', iif(state = 0, 'active', iif(state = 1, 'disabled', 'deleted')),
            'created_at', \(time("created_at")), 'delivered_message_id', delivered_id,
            'notifications_after_id', notifications_after, 'notifications_read_id', notifications_read_id)
        FROM users WHERE ?1 IS NULL OR id = ?1 ORDER BY id
        """,
        """
        SELECT json_object('kind', 'conversation', 'id', id, 'is_group', \(flag("is_group")), 'title', title,
            'created_at', \(time("created_at")))
        FROM conversations WHERE ?1 IS NULL OR id IN (SELECT conversation_id FROM members WHERE user_id = ?1)
        ORDER BY id
        """,
        """
        SELECT json_object('kind', 'member', 'conversation_id', conversation_id, 'user_id', user_id,
            'joined_after_message_id', joined_after)
        FROM members WHERE ?1 IS NULL OR conversation_id IN (SELECT conversation_id FROM members WHERE user_id = ?1)
        ORDER BY conversation_id, user_id
        """,
        """
        SELECT json_object('kind', 'message', 'id', id, 'conversation_id', conversation_id, 'sender_id', sender_id,
            'text', text, 'attachment', attachment, 'created_at', \(time("created_at")))
        FROM messages WHERE ?1 IS NULL OR sender_id = ?1 ORDER BY id
        """,
        """
        SELECT json_object('kind', 'receipt', 'conversation_id', conversation_id, 'user_id', user_id,
            'last_read_message_id', last_read_id)
        FROM members WHERE last_read_id > joined_after AND (?1 IS NULL OR user_id = ?1) ORDER BY conversation_id, user_id
        """,
        """
        SELECT json_object('kind', 'notification', 'id', id, \(audience), \(content),
            'created_at', \(time("created_at")))
        FROM notifications WHERE ?1 IS NULL OR audience = 2 AND audience_id = ?1 ORDER BY id
        """,
        """
        SELECT json_object('kind', 'notification_receipt', 'notification_id', notification_id, 'user_id', user_id,
            'read_at', \(time("read_at")))
        FROM notification_reads WHERE ?1 IS NULL OR user_id = ?1 ORDER BY user_id, notification_id
        """,
    ]

    /// What is nobody's own.
    private static let commonParts = [
        """
        SELECT json_object('kind', 'notice', 'id', id, 'title', title, 'content', content, 'college', college,
            'created_at', \(time("created_at")), 'published_at', \(time("published_at")))
        FROM notices WHERE ?1 IS NULL ORDER BY id
        """,
        """
        SELECT json_object('kind', 'bulk_message', 'id', id, \(audience), \(content), 'status', status,
            'total', total, 'sent', sent, 'unknown', unknown, 'created_at', \(time("created_at")),
            'finished_at', \(time("finished_at")))
        FROM bulk_messages WHERE ?1 IS NULL ORDER BY id
        """,
        "SELECT json_object('kind', 'counter', 'value', value) FROM counter WHERE ?1 IS NULL",
    ]
}
