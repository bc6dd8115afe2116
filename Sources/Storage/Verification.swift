/// Whether a database is sound, and what it says fits together.
package enum Verification {
    /// Something that is wrong.
    package struct Finding: Sendable {
        /// What was looked for, in one word.
        package let check: String
        package let detail: String

        package init(check: String, detail: String) { (self.check, self.detail) = (check, detail) }
    }

    /// A query for what must not be there; its first column tells which.
    private struct Check {
        let name, complaint, query: String

        init(_ name: String, _ complaint: String, _ query: String) {
            (self.name, self.complaint, self.query) = (name, complaint, query)
        }
    }

    static let tablesWithSequences = ["users", "tokens", "conversations", "notifications", "notices", "bulk_messages"]
    /// So many of what is wrong are named.
    private static let shown = 5

    /// Looks at one moment of a database, while a server runs on it or not.
    ///
    /// - Throws: When it can't be opened at all.
    /// - Complexity: O(*n*) in the whole database.
    package static func run(_ path: String) throws(StoreError) -> [Finding] {
        let database = try Database(path: path, .readOnly)
        do {
            try database.execute("BEGIN")
            let damage = try database.prepare("PRAGMA integrity_check(20)").all { $0.text(0) }
            if damage != ["ok"] { return damage.map { Finding(check: "integrity", detail: oneLine($0)) } }
            let version = try database.prepare("PRAGMA user_version").first { Int($0.integer(0)) } ?? 0
            if version != Migrations.steps.count {
                let own = Migrations.steps.count
                return [
                    Finding(
                        check: "version",
                        detail: "the database is of version \(version), this program's is \(own)"
                            + (version < own && version > 0 ? "; a start of the server migrates it" : ""))
                ]
            }
            return try findings(in: database)
        } catch {
            return [Finding(check: "integrity", detail: "cannot be read: \(oneLine(error.message))")]
        }
    }

    private static func oneLine(_ text: String) -> String { text.split(separator: "\n").joined(separator: "; ") }

    private static func findings(in database: Database) throws(StoreError) -> [Finding] {
        var findings = try database.prepare("PRAGMA foreign_key_check").all { row in
            Finding(
                check: "references",
                detail: "a row of \(row.text(0)) refers to one of \(row.text(2)) that is missing (row \(row.text(1)))")
        }
        for check in checks {
            var (count, first) = (0, [String]())
            try database.prepare(check.query).forEach { row in
                count += 1
                if first.count < shown { first.append(row.text(0)) }
                return true
            }
            if count == 0 { continue }
            let which = first.joined(separator: ", ") + (count > shown ? ", …" : "")
            findings.append(Finding(check: check.name, detail: "\(count) \(check.complaint): \(which)"))
        }
        return findings
    }

    private static let checks =
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
                    OR (SELECT is_group FROM conversations WHERE id = conversation_id) IS NOT 0
                    OR (SELECT group_concat(user_id) FROM (
                        SELECT user_id FROM members WHERE conversation_id = direct.conversation_id ORDER BY user_id))
                        IS NOT first_user || ',' || second_user
                """),
            Check(
                "direct", "conversations that two pairs have (conversations)",
                "SELECT conversation_id FROM direct_conversations GROUP BY 1 HAVING count(*) > 1"),
            Check(
                "direct", "conversations of nobody: neither groups nor a pair's (conversations)",
                """
                SELECT id FROM conversations WHERE NOT is_group
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
                "SELECT id FROM messages WHERE id < 1 OR id >= 1 << 53"),
            Check(
                "filing", "messages that are in no conversation's file (messages)",
                """
                SELECT id FROM messages WHERE id <= (SELECT message_id FROM filing) AND NOT EXISTS (
                    SELECT 1 FROM filed_messages AS filed
                    WHERE filed.conversation_id = messages.conversation_id AND filed.message_id = messages.id)
                """),
            Check(
                "filing", "filed messages that don't exist, or not there (messages)",
                """
                SELECT message_id FROM filed_messages AS filed WHERE NOT EXISTS (
                    SELECT 1 FROM messages WHERE id = message_id AND conversation_id = filed.conversation_id)
                """),
            Check(
                "filing", "messages filed too early (messages)",
                "SELECT message_id FROM filed_messages WHERE message_id > (SELECT message_id FROM filing)"),
            Check(
                "receipts", "people who have read more than there ever was (people)",
                """
                WITH last AS (SELECT max((SELECT coalesce(max(id), 0) FROM messages), message_id) AS id FROM issued)
                SELECT user_id FROM members, last WHERE last_read_id > last.id OR joined_after > last.id
                UNION ALL SELECT users.id FROM users, last WHERE delivered_id > last.id
                UNION ALL SELECT id FROM users
                WHERE max(notifications_after, notifications_read_id) > coalesce(
                    (SELECT seq FROM sqlite_sequence WHERE name = 'notifications'), 0)
                """),
            Check(
                "notifications", "notifications for people who don't exist, or for no kind of audience (notifications)",
                """
                SELECT id FROM notifications WHERE audience NOT IN (0, 1, 2)
                    OR audience = 2 AND audience_id NOT IN (SELECT id FROM users)
                """),
            Check(
                "notifications", "notifications whose data is no JSON (notifications)",
                "SELECT id FROM notifications WHERE NOT json_valid(data)"),
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
                    OR id IN (SELECT user_id FROM members JOIN conversations ON id = conversation_id WHERE is_group))
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
                """
                SELECT id FROM \(table)
                WHERE id > coalesce((SELECT seq FROM sqlite_sequence WHERE name = '\(table)'), 0)
                """)
        }
}
