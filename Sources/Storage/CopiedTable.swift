/// A table as it is copied from one database to another: its columns, and what its rows are ordered by.
struct CopiedTable {
    enum Kind {
        case integer, text, blob
    }

    let name: String
    let columns: [(name: String, kind: Kind)]
    /// The first columns, as many as it takes to tell rows apart.
    let keyLength: Int
    /// Whether a new database has a row in it already.
    let hasOneRow: Bool
    /// Whether its first column are ids that the database gives.
    let givesIDs: Bool

    /// - Parameter columns: Words: names, those of text with a `$`, those of bytes with a `#` in front; the key's first.
    private init(_ name: String, key: Int = 1, hasOneRow: Bool = false, givesIDs: Bool = false, _ columns: String) {
        self.name = name
        self.columns = columns.split(separator: " ").map { word in
            switch word.first {
            case "$": (String(word.dropFirst()), .text)
            case "#": (String(word.dropFirst()), .blob)
            default: (String(word), .integer)
            }
        }
        keyLength = key
        self.hasOneRow = hasOneRow
        self.givesIDs = givesIDs
    }

    private var names: String { columns.map(\.name).joined(separator: ", ") }

    /// All rows in the order of their key.
    var select: String {
        let key = (1...keyLength).map(String.init).joined(separator: ", ")
        return "SELECT \(names) FROM \(name) ORDER BY \(key)"
    }

    var insert: String {
        let values = columns.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
        return "INSERT INTO \(name) (\(names)) VALUES (\(values))"
    }

    func values(of row: Row) -> [SQLValue] {
        columns.enumerated().map { index, column in
            let place = Int32(index)
            if row.isNull(place) { return .null }
            return switch column.kind {
            case .integer: .integer(row.integer(place))
            case .text: .text(row.text(place))
            case .blob: .blob(row.blob(place))
            }
        }
    }

    /// What tells a row from others, for people.
    func key(of values: [SQLValue]) -> String {
        zip(columns, values).prefix(keyLength).map { column, value in
            switch value {
            case .integer(let number): "\(column.name) \(number)"
            case .text(let text): "\(column.name) \"\(text)\""
            case .blob, .null: column.name
            }
        }.joined(separator: ", ")
    }

    /// All of a database, what is referred to before what refers to it.
    static let all = [
        CopiedTable(
            "users", givesIDs: true,
            """
            id $username $folded $name college $password is_admin state created_at delivered_id notifications_after \
            notifications_read_id
            """),
        CopiedTable("tokens", givesIDs: true, "id #digest user_id created_at expires_at"),
        CopiedTable("conversations", givesIDs: true, "id created_at is_group $title"),
        CopiedTable("direct_conversations", key: 2, "first_user second_user conversation_id"),
        CopiedTable("members", key: 2, "user_id conversation_id last_read_id joined_after"),
        CopiedTable("messages", "id conversation_id sender_id $text created_at $attachment"),
        CopiedTable("issued", hasOneRow: true, "message_id"),
        CopiedTable("client_ids", key: 2, "sender_id $client_id message_id created_at"),
        CopiedTable(
            "notifications", givesIDs: true,
            "id audience audience_id $title $message $category $type $link $priority $data created_at"),
        CopiedTable("notification_reads", key: 2, "user_id notification_id read_at"),
        CopiedTable("counter", hasOneRow: true, "value"),
        CopiedTable("request_keys", key: 2, "$scope $name result_id created_at"),
        CopiedTable("notices", givesIDs: true, "id $title $content college created_at published_at"),
        CopiedTable(
            "bulk_messages", givesIDs: true,
            """
            id $title $message $category $type $link $priority $data audience audience_id last_user_id done_id $status \
            total sent unknown created_at finished_at
            """),
        CopiedTable("bulk_recipients", key: 2, "bulk_message_id user_id"),
        CopiedTable("secrets", "$name #value"),
        CopiedTable("erasures", "user_id keeps_messages done_id"),
        CopiedTable("revocations", givesIDs: true, "id token_id #digest user_id revoked_at"),
    ]
}
