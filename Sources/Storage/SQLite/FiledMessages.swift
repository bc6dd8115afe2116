import Chat
import JSON

/// How the messages of a conversation are found in SQLite, where they are filed some time after they came, many at a time.
///
/// Those of a conversation that are filed together share rows of `filed_messages`, up to ``mostInRow`` each: `ids` holds
/// them as an array of JSON, or is null where there is only the last, `last_id`. The rows of a conversation don't overlap.
enum FiledMessages {
    /// The most that share a row: with its first message a page reads all of a row's ids.
    static let mostInRow = 64

    /// The ids that a row of the table holds, as `filed.value`.
    static let unfolded = "json_each(coalesce(filed_messages.ids, filed_messages.last_id)) AS filed"

    /// A query for `message_id`s of a conversation, in order, each parameter an expression.
    ///
    /// - Complexity: O(log *n* + `limit`), and as much as there is that is not filed, unless it is left out.
    static func ids(
        of conversation: String, after start: String? = nil, before end: String? = nil, newestFirst: Bool,
        limit: String, includingUnfiled: Bool = true
    ) -> String {
        let order = newestFirst ? "DESC" : "ASC"
        var (filed, unfiled) = ("", "")
        if let start {
            filed += " AND last_id > \(start) AND filed.value > \(start)"
            unfiled += " AND id > \(start)"
        }
        if let end {
            // Of the first row that ends there or later, some may come before.
            filed += """
                 AND filed.value < \(end) AND last_id <= coalesce(
                    (SELECT min(last_id) FROM filed_messages WHERE conversation_id = \(conversation) AND last_id >= \(end)),
                    \(end))
                """
            unfiled += " AND id < \(end)"
        }
        let query = """
            SELECT filed.value AS message_id FROM filed_messages CROSS JOIN \(unfolded)
            WHERE conversation_id = \(conversation)\(filed)
            ORDER BY last_id \(order), filed.value \(order) LIMIT \(limit)
            """
        if !includingUnfiled { return query }
        return """
            SELECT * FROM (\(query))
            UNION ALL
            SELECT id FROM messages
            WHERE id > (SELECT message_id FROM filing) AND conversation_id = \(conversation)\(unfiled)
            ORDER BY message_id \(order) LIMIT \(limit)
            """
    }

    /// The newest that is filed of a conversation; null where there is none.
    static func newest(of conversation: String) -> String {
        "(SELECT max(last_id) FROM filed_messages WHERE conversation_id = \(conversation))"
    }

    /// Files all messages anew.
    static let fileAll = """
        INSERT INTO filed_messages
            SELECT conversation_id, max(id), CASE WHEN count(*) > 1 THEN json_group_array(id) END FROM (
                SELECT conversation_id, id,
                    (row_number() OVER (PARTITION BY conversation_id ORDER BY id) - 1) / \(mostInRow) AS part
                FROM messages)
            GROUP BY conversation_id, part ORDER BY conversation_id, part;
        UPDATE filing SET message_id = (SELECT coalesce(max(id), 0) FROM messages)
        """
}

/// What files messages by conversation, compiled once. In PostgreSQL an index does that.
struct FilingStatements {
    let unfiled, setFiled: Statement
    private let insert: Statement

    init(_ database: Database) throws(StoreError) {
        unfiled = try database.prepare(
            "SELECT id, sender_id, conversation_id FROM messages WHERE id > (SELECT message_id FROM filing) ORDER BY id"
        )
        insert = try database.prepare("INSERT INTO filed_messages (conversation_id, last_id, ids) VALUES (?1, ?2, ?3)")
        setFiled = try database.prepare("UPDATE filing SET message_id = ?1")
    }

    /// Adds a row.
    ///
    /// - Parameter messages: Ascending, newer than those of the rows that there are.
    func file(_ messages: ArraySlice<MessageID>, of conversation: ConversationID) throws(StoreError) {
        guard let last = messages.last else { return }
        var ids: String?
        if messages.count > 1 {
            var json = JSONWriter()
            json.array { for message in messages { $0.append(message.rawValue) } }
            ids = String(decoding: json.finish(), as: UTF8.self)
        }
        try insert.run(.integer(conversation.rawValue), .integer(last.rawValue), SQLValue(ids))
    }
}

/// What takes a message out again, compiled once.
struct UnfilingStatements {
    private let leaveOut, delete: Statement

    init(_ database: Database) throws(StoreError) {
        leaveOut = try database.prepare(
            """
            UPDATE filed_messages SET (last_id, ids) = (
                SELECT coalesce(max(value), last_id), json_group_array(value) FROM json_each(ids) WHERE value <> ?2)
            WHERE conversation_id = ?1 AND ids IS NOT NULL AND last_id = (
                SELECT min(last_id) FROM filed_messages WHERE conversation_id = ?1 AND last_id >= ?2)
            """)
        delete = try database.prepare(
            """
            DELETE FROM filed_messages WHERE conversation_id = ?1 AND last_id = ?2 AND (ids IS NULL OR ids = '[]')
            """)
    }

    func run(_ message: Int64, of conversation: Int64) throws(StoreError) {
        try leaveOut.run(.integer(conversation), .integer(message))
        try delete.run(.integer(conversation), .integer(message))
    }
}
