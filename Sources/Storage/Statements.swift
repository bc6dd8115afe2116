/// What the writer runs again and again, compiled once.
struct Statements {
    let lastMessage: Statement
    let messages: MessageBuffer
    let filing: FilingStatements?
    /// Tells other nodes that what they remember has changed, and numbers a transaction.
    let raiseVersions: Statement?
    let insertConversation, insertDirect, insertMember, deleteMember: Statement
    let clientID, insertClientID, forgetClientIDs: Statement
    let newestFiled, lastRead, unreadAuthors, setRead: Statement
    let delivered, setDelivered, filedBacklog, memberships: Statement
    /// Whether there is a filed backlog at all: mostly there is none, and to sort even that takes a table. Not in PostgreSQL,
    /// where it is as far to ask for the one as for the other.
    let hasFiledBacklog: Statement?
    let counter, setCounter: Statement

    init(_ database: Database) throws(StoreError) {
        let last = { (greatest: String, versions: String) in
            "SELECT \(greatest)(message_id, coalesce((SELECT max(id) FROM messages), 0))\(versions) FROM issued"
        }
        lastMessage = try database.prepare(
            sqlite: last("max", ""),
            postgresql: last(
                "greatest",
                """
                , people_version, notifications_version, batch, notification_id,
                    (SELECT compatible_from FROM schema_version)
                """))
        messages = try database.bufferMessages()

        filing = try database.sqlite.map { _ throws(StoreError) in try FilingStatements(database) }
        raiseVersions = try database.postgresql.map { _ throws(StoreError) in
            try database.prepare(
                """
                UPDATE issued SET people_version = people_version + ?1,
                    notifications_version = notifications_version + ?2, batch = batch + ?3,
                    notification_id = greatest(notification_id, ?4)
                """)
        }

        insertConversation = try database.prepare(
            "INSERT INTO conversations (created_at, is_group, title) VALUES (?1, ?2, ?3) RETURNING id")
        insertDirect = try database.prepare(
            "INSERT INTO direct_conversations (first_user, second_user, conversation_id) VALUES (?1, ?2, ?3)")
        insertMember = try database.prepare(
            """
            INSERT INTO members (user_id, conversation_id, last_read_id, joined_after) VALUES (?1, ?2, ?3, ?3)
            ON CONFLICT DO NOTHING
            """)
        deleteMember = try database.prepare("DELETE FROM members WHERE user_id = ?1 AND conversation_id = ?2")

        clientID = try database.prepare(
            "SELECT message_id FROM client_ids WHERE sender_id = ?1 AND client_id = ?2 AND created_at > ?3",
            looksForMessages: false)
        insertClientID = try database.prepare(
            """
            INSERT INTO client_ids (sender_id, client_id, message_id, created_at) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (sender_id, client_id) DO UPDATE
            SET message_id = excluded.message_id, created_at = excluded.created_at
            """, looksForMessages: false)
        forgetClientIDs = try database.prepare("DELETE FROM client_ids WHERE created_at <= ?1")

        newestFiled = try database.prepare(
            sqlite: "SELECT \(FiledMessages.newest(of: "?1"))",
            postgresql: "SELECT max(id) FROM messages WHERE conversation_id = ?1")
        lastRead = try database.prepare("SELECT last_read_id FROM members WHERE user_id = ?1 AND conversation_id = ?2")
        let recent = FiledMessages.ids(
            of: "?2", after: "?3", newestFirst: true, limit: "10000", includingUnfiled: false)
        unreadAuthors = try database.prepare(
            sqlite: """
                SELECT DISTINCT sender_id FROM (\(recent))
                CROSS JOIN messages ON messages.id = message_id
                WHERE sender_id <> ?1
                """,
            postgresql: """
                SELECT DISTINCT sender_id FROM (
                    SELECT sender_id FROM messages WHERE conversation_id = ?2 AND id > ?3
                    ORDER BY id DESC LIMIT 10000) AS recent
                WHERE sender_id <> ?1
                """)
        setRead = try database.prepare(
            "UPDATE members SET last_read_id = ?3 WHERE user_id = ?1 AND conversation_id = ?2")

        delivered = try database.prepare("SELECT delivered_id FROM users WHERE id = ?1")
        setDelivered = try database.prepare(
            "UPDATE users SET delivered_id = ?3 WHERE id = ?1 AND delivered_id >= ?2 AND delivered_id < ?3")
        let columns = """
            SELECT messages.id, messages.conversation_id, messages.sender_id, messages.text, messages.created_at,
                messages.attachment
            FROM members
            """
        filedBacklog = try database.prepare(
            sqlite: """
                \(columns) JOIN filed_messages
                    ON filed_messages.conversation_id = members.conversation_id
                        AND filed_messages.last_id > max(?2, members.joined_after)
                    CROSS JOIN \(FiledMessages.unfolded)
                    CROSS JOIN messages ON messages.id = filed.value
                WHERE members.user_id = ?1 AND filed.value > max(?2, members.joined_after) AND messages.sender_id <> ?1
                ORDER BY messages.id LIMIT ?3
                """,
            // Of each conversation the oldest only: somebody may be in many, and have much to hear in each.
            postgresql: """
                SELECT messages.* FROM members CROSS JOIN LATERAL (
                    SELECT id, messages.conversation_id, sender_id, text, created_at, attachment FROM messages
                    WHERE messages.conversation_id = members.conversation_id AND sender_id <> ?1
                        AND id > greatest(?2, members.joined_after)
                    ORDER BY id LIMIT ?3) AS messages
                WHERE members.user_id = ?1
                ORDER BY messages.id LIMIT ?3
                """)
        hasFiledBacklog = try database.sqlite.map { _ throws(StoreError) in
            try database.prepare(
                """
                SELECT 1 FROM members JOIN filed_messages
                    ON filed_messages.conversation_id = members.conversation_id
                        AND filed_messages.last_id > max(?2, members.joined_after)
                WHERE members.user_id = ?1 LIMIT 1
                """)
        }
        memberships = try database.prepare("SELECT conversation_id, joined_after FROM members WHERE user_id = ?1")

        counter = try database.prepare("SELECT value FROM counter")
        setCounter = try database.prepare("UPDATE counter SET value = ?1")
    }
}
