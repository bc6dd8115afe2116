import Chat

/// Messages that are inserted by the dozen: of what SQLite does for a row of its own, most is to begin, to find its place
/// and to end.
///
/// They are written before any other statement is run that may look for them, and before the commit. As with
/// ``Statement/run(_:)`` on PostgreSQL, what comes of one is known no later than that.
final class MessageBuffer {
    /// How many follow the first.
    private static let following = 15
    private static let columns = "conversation_id, sender_id, text, created_at, attachment"
    private static let width = 5

    /// Inserts a message under its id.
    private let one: Statement.Driver
    /// Inserts as many as follow, where SQLite is to find their ids: each next one is that behind the greatest.
    private let several: SQLiteStatement?
    /// The id of the first that is not written, and what each has besides: the others' ids are those behind it.
    // Unchecked: changes are additions of plain values, and that all are dropped.
    @safe @exclusivity(unchecked) private var values: [SQLValue] = []

    var isEmpty: Bool { values.isEmpty }

    /// - Parameter sqlite: Where the database is SQLite's; elsewhere each is inserted at once.
    init(_ one: Statement.Driver, _ sqlite: SQLiteConnection?) throws(StoreError) {
        self.one = one
        let row = "(" + Array(repeating: "?", count: Self.width).joined(separator: ", ") + ")"
        let rows = Array(repeating: row, count: Self.following).joined(separator: ", ")
        several = try sqlite?.prepare("INSERT INTO messages (\(Self.columns)) VALUES \(rows)")
    }

    static let insertion = "INSERT INTO messages (id, \(columns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"

    /// Adds one, inside a transaction.
    ///
    /// - Parameter id: That behind the greatest that there is.
    func insert(
        _ id: MessageID, in conversation: ConversationID, from sender: UserID, _ text: String, at time: Timestamp,
        _ attachment: Attachment?
    ) throws(StoreError) {
        if values.isEmpty { values.append(.integer(id.rawValue)) }
        values.append(.integer(conversation.rawValue))
        values.append(.integer(sender.rawValue))
        values.append(.text(text))
        values.append(.integer(time.microseconds))
        values.append(SQLValue(attachment?.url))
        if several == nil || values.count > 1 + Self.following * Self.width { try write() }
    }

    /// Writes what is not written. Where that fails, all of it stays: then the commit fails too, even if somebody takes
    /// the error for that of something else.
    func write() throws(StoreError) {
        try insertAll()
        drop()
    }

    // Apart, as what is left of the values here would have them copied when they are dropped.
    private func insertAll() throws(StoreError) {
        guard case .integer(let first)? = values.first else { return }
        let count = values.count / Self.width
        try one.run(values.prefix(1 + Self.width))
        let rest = values.dropFirst(1 + Self.width)
        if let several, count > Self.following {
            try several.run(rest)
            // Nothing may be stored under another id than the one that its sender is told.
            if several.lastRow != first + Int64(count - 1) {
                throw StoreError(.other, "a message was stored under another id")
            }
        } else {
            for index in 1..<count {
                let row = rest.dropFirst((index - 1) * Self.width).prefix(Self.width)
                try one.run([.integer(first + Int64(index))] + row)
            }
        }
    }

    /// Forgets what is not written, as the transaction is taken back.
    func drop() { values.removeAll(keepingCapacity: true) }
}
