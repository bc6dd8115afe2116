/// The lines of one kind of an export, as a query of each database that makes the same JSON.
struct ExportPart {
    private enum Value {
        /// A number or a text, or null.
        case column(String)
        /// Whether a condition holds.
        case flag(String)
        /// Microseconds, as ISO 8601, or null.
        case time(String)
        /// JSON already.
        case json(String)
    }

    private let kind: String
    private let members: [(name: String, value: Value)]
    /// From `FROM` on; `?1` is a person, or null for everybody.
    private let source: String

    private init(_ kind: String, _ members: [(String, Value)], _ source: String) {
        (self.kind, self.members, self.source) = (kind, members.map { ($0.0, $0.1) }, source)
    }

    // MARK: - SQL

    var sqlite: String {
        let pairs = members.map { name, value in
            switch value {
            case .column(let column): "'\(name)', \(column)"
            case .flag(let condition): "'\(name)', json(iif(\(condition), 'true', 'false'))"
            case .time(let column):
                """
                '\(name)', iif(\(column) IS NULL, NULL, strftime('%Y-%m-%dT%H:%M:%S', \(column) / 1000000, 'unixepoch')
                    || printf('.%06dZ', \(column) % 1000000))
                """
            case .json(let column): "'\(name)', json(\(column))"
            }
        }
        return "SELECT json_object('kind', '\(kind)', \(pairs.joined(separator: ", "))) \(source)"
    }

    var postgresql: String {
        let pairs = members.map { name, value in
            let json =
                switch value {
                case .column(let column): "coalesce(to_json(\(column))::text, 'null')"
                case .flag(let condition): "CASE WHEN \(condition) THEN 'true' ELSE 'false' END"
                case .time(let column):
                    """
                    coalesce('"' || to_char(timestamp '1970-01-01' + \(column) * interval '1 microsecond',
                        'YYYY-MM-DD"T"HH24:MI:SS.US') || 'Z"', 'null')
                    """
                case .json(let column): column
                }
            return "',\"\(name)\":' || \(json)"
        }
        return "SELECT '{\"kind\":\"\(kind)\"' || \(pairs.joined(separator: " || ")) || '}' \(source)"
    }

    // MARK: - What there is

    private static let audience: [(String, Value)] = [
        ("audience", .column("CASE audience WHEN 0 THEN 'everybody' WHEN 1 THEN 'college' ELSE 'person' END")),
        ("audience_id", .column("nullif(audience_id, 0)")),
    ]
    private static let content: [(String, Value)] =
        ["title", "message", "category", "type", "link", "priority"].map { ($0, .column($0)) } + [
            ("data", .json("data"))
        ]
    private static let everybody = "cast(?1 AS bigint) IS NULL"

    /// What people have.
    static let all = [
        ExportPart(
            "user",
            [
                ("id", .column("id")), ("username", .column("username")), ("name", .column("name")),
                ("college", .column("college")), ("is_admin", .flag("is_admin <> 0")),
                ("state", .column("CASE state WHEN 0 THEN 'active' WHEN 1 THEN 'disabled' ELSE 'deleted' END")),
                ("created_at", .time("created_at")), ("delivered_message_id", .column("delivered_id")),
                ("notifications_after_id", .column("notifications_after")),
                ("notifications_read_id", .column("notifications_read_id")),
            ], "FROM users WHERE \(everybody) OR id = ?1 ORDER BY id"),
        ExportPart(
            "conversation",
            [
                ("id", .column("id")), ("is_group", .flag("is_group <> 0")), ("title", .column("title")),
                ("created_at", .time("created_at")),
            ],
            """
            FROM conversations WHERE \(everybody) OR id IN (SELECT conversation_id FROM members WHERE user_id = ?1)
            ORDER BY id
            """),
        ExportPart(
            "member",
            [
                ("conversation_id", .column("conversation_id")), ("user_id", .column("user_id")),
                ("joined_after_message_id", .column("joined_after")),
            ],
            """
            FROM members WHERE \(everybody) OR conversation_id IN (SELECT conversation_id FROM members WHERE user_id = ?1)
            ORDER BY conversation_id, user_id
            """),
        ExportPart(
            "message",
            [
                ("id", .column("id")), ("conversation_id", .column("conversation_id")),
                ("sender_id", .column("sender_id")), ("text", .column("text")), ("attachment", .column("attachment")),
                ("created_at", .time("created_at")),
            ], "FROM messages WHERE \(everybody) OR sender_id = ?1 ORDER BY id"),
        ExportPart(
            "receipt",
            [
                ("conversation_id", .column("conversation_id")), ("user_id", .column("user_id")),
                ("last_read_message_id", .column("last_read_id")),
            ],
            """
            FROM members WHERE last_read_id > joined_after AND (\(everybody) OR user_id = ?1)
            ORDER BY conversation_id, user_id
            """),
        ExportPart(
            "notification", [("id", .column("id"))] + audience + content + [("created_at", .time("created_at"))],
            "FROM notifications WHERE \(everybody) OR audience = 2 AND audience_id = ?1 ORDER BY id"),
        ExportPart(
            "notification_receipt",
            [
                ("notification_id", .column("notification_id")), ("user_id", .column("user_id")),
                ("read_at", .time("read_at")),
            ], "FROM notification_reads WHERE \(everybody) OR user_id = ?1 ORDER BY user_id, notification_id"),
    ]

    /// What is nobody's own.
    static let common = [
        ExportPart(
            "notice",
            [
                ("id", .column("id")), ("title", .column("title")), ("content", .column("content")),
                ("college", .column("college")), ("created_at", .time("created_at")),
                ("published_at", .time("published_at")),
            ], "FROM notices WHERE \(everybody) ORDER BY id"),
        ExportPart(
            "bulk_message",
            [("id", .column("id"))] + audience + content + [
                ("status", .column("status")), ("total", .column("total")), ("sent", .column("sent")),
                ("unknown", .column("unknown")), ("created_at", .time("created_at")),
                ("finished_at", .time("finished_at")),
            ], "FROM bulk_messages WHERE \(everybody) ORDER BY id"),
        ExportPart("counter", [("value", .column("value"))], "FROM counter WHERE \(everybody)"),
    ]
}
