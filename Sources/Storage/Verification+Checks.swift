/// What is looked for.
extension Verification {
    static let checks =
        [
            Check(
                "members", "people in conversations that don't exist, or who don't exist (conversations)",
                """
                SELECT conversation_id FROM members WHERE NOT EXISTS (
                    SELECT 1 FROM conversations WHERE id = conversation_id)
                    OR NOT EXISTS (SELECT 1 FROM users WHERE id = user_id)
                """),
            Check(
                "direct", "direct conversations without exactly their two people (conversations)",
                """
                SELECT conversation_id FROM direct_conversations AS direct WHERE first_user >= second_user
                    OR NOT EXISTS (SELECT 1 FROM conversations WHERE id = conversation_id AND is_group = 0)
                    OR NOT EXISTS (SELECT 1 FROM members
                        WHERE conversation_id = direct.conversation_id AND user_id = first_user)
                    OR NOT EXISTS (SELECT 1 FROM members
                        WHERE conversation_id = direct.conversation_id AND user_id = second_user)
                    OR EXISTS (SELECT 1 FROM members WHERE conversation_id = direct.conversation_id
                        AND user_id NOT IN (first_user, second_user))
                """),
            Check(
                "direct", "conversations that two pairs have (conversations)",
                "SELECT conversation_id FROM direct_conversations GROUP BY 1 HAVING count(*) > 1"),
            Check(
                "direct", "conversations of nobody: neither groups nor a pair's (conversations)",
                """
                SELECT id FROM conversations WHERE is_group = 0
                    AND id NOT IN (SELECT conversation_id FROM direct_conversations)
                """),
            Check(
                "messages", "messages in conversations that don't exist (messages)",
                "SELECT id FROM messages WHERE conversation_id NOT IN (SELECT id FROM conversations)"),
            Check(
                "messages", "messages of people who don't exist (messages)",
                "SELECT id FROM messages WHERE sender_id NOT IN (SELECT id FROM users)"),
            Check(
                "ids", "messages with ids that no client can hold (messages)",
                "SELECT id FROM messages WHERE id < 1 OR id >= 9007199254740992"),
            Check(
                "filing", "messages that are in no conversation's file (messages)",
                sqlite: """
                    SELECT id FROM (
                        SELECT conversation_id, id FROM messages WHERE id <= (SELECT message_id FROM filing)
                        EXCEPT SELECT conversation_id, filed.value FROM filed_messages CROSS JOIN \(FiledMessages.unfolded))
                    """, postgresql: nil),
            Check(
                "filing", "filed messages that don't exist, or not there (messages)",
                sqlite: """
                    SELECT filed.value FROM filed_messages CROSS JOIN \(FiledMessages.unfolded) WHERE NOT EXISTS (
                        SELECT 1 FROM messages
                        WHERE messages.id = filed.value AND messages.conversation_id = filed_messages.conversation_id)
                    """, postgresql: nil),
            Check(
                "filing", "rows of files that are out of order, overlap or repeat something (messages)",
                sqlite: """
                    SELECT last_id FROM (
                        SELECT last_id, max(filed.value) AS newest, min(filed.value) AS oldest, count(*) AS length,
                            count(DISTINCT filed.value) AS distinct_length,
                            lag(last_id) OVER (PARTITION BY conversation_id ORDER BY last_id) AS former
                        FROM filed_messages CROSS JOIN \(FiledMessages.unfolded) GROUP BY conversation_id, last_id)
                    WHERE newest <> last_id OR oldest <= former OR length <> distinct_length
                    """, postgresql: nil),
            Check(
                "filing", "messages filed too early (messages)",
                sqlite: "SELECT last_id FROM filed_messages WHERE last_id > (SELECT message_id FROM filing)",
                postgresql: nil),
            Check(
                "receipts", "people who have read more than there ever was (people)",
                sqlite: receipts("max", "SELECT seq FROM sqlite_sequence WHERE name = 'notifications'"),
                postgresql: receipts("greatest", "SELECT last_value FROM notifications_id_seq")),
            Check(
                "notifications", "notifications for people who don't exist, or for no kind of audience (notifications)",
                """
                SELECT id FROM notifications WHERE audience NOT IN (0, 1, 2)
                    OR audience = 2 AND audience_id NOT IN (SELECT id FROM users)
                """),
            Check(
                "notifications", "notifications whose data is no JSON (notifications)",
                sqlite: "SELECT id FROM notifications WHERE NOT json_valid(data)",
                postgresql: "SELECT id FROM notifications WHERE NOT is_json(data)"),
            Check(
                // Those of notifications that were too old are swept out after them.
                "notifications", "notes of who has read what where one of the two is missing (people)",
                """
                SELECT user_id FROM notification_reads WHERE user_id NOT IN (SELECT id FROM users)
                    OR notification_id > (SELECT min(id) FROM notifications)
                    AND notification_id NOT IN (SELECT id FROM notifications)
                """),
            Check(
                "bulk", "bulk messages whose numbers don't fit, or that have no known status (bulk messages)",
                """
                SELECT id FROM bulk_messages WHERE sent NOT BETWEEN 0 AND total
                    OR status NOT IN ('running', 'done', 'cancelled') OR audience NOT IN (0, 1, 2)
                    OR (status = 'running') <> (finished_at IS NULL)
                """),
            Check(
                "bulk", "recipients who don't exist, or of bulk messages that are over (bulk messages)",
                """
                SELECT bulk_message_id FROM bulk_recipients WHERE user_id NOT IN (SELECT id FROM users)
                    OR bulk_message_id NOT IN (SELECT id FROM bulk_messages WHERE status = 'running')
                """),
            Check(
                "people", "people in no known state (people)", "SELECT id FROM users WHERE state NOT IN (0, 1, 2)"),
            Check(
                "people", "deleted people with something of theirs left (people)",
                """
                SELECT id FROM users WHERE state = 2 AND (password IS NOT NULL
                    OR id IN (SELECT user_id FROM tokens)
                    OR id IN (SELECT user_id FROM members JOIN conversations ON id = conversation_id WHERE is_group <> 0))
                """),
            Check(
                "tables", "tables that have not one row (tables)",
                """
                SELECT 'filing' WHERE (SELECT count(*) FROM filing) <> 1
                UNION ALL SELECT 'issued' WHERE (SELECT count(*) FROM issued) <> 1
                UNION ALL SELECT 'counter' WHERE (SELECT count(*) FROM counter) <> 1
                """),
        ]
        + tablesWithSequences.map { table in
            Check(
                "ids", "ids of \(table) beyond the last that was given (ids)",
                sqlite: """
                    SELECT id FROM \(table)
                    WHERE id > coalesce((SELECT seq FROM sqlite_sequence WHERE name = '\(table)'), 0)
                    """,
                postgresql: "SELECT id FROM \(table) WHERE id > (SELECT last_value FROM \(table)_id_seq)")
        }

    /// - Parameters:
    ///   - greatest: The function for the larger of two numbers.
    ///   - notification: The query for the last id that a notification was given.
    private static func receipts(_ greatest: String, _ notification: String) -> String {
        """
        WITH last AS (
            SELECT \(greatest)((SELECT coalesce(max(id), 0) FROM messages), message_id) AS id FROM issued)
        SELECT user_id FROM members, last WHERE last_read_id > last.id OR joined_after > last.id
        UNION ALL SELECT users.id FROM users, last WHERE delivered_id > last.id
        UNION ALL SELECT id FROM users
        WHERE \(greatest)(notifications_after, notifications_read_id) > coalesce((\(notification)), 0)
        """
    }
}
