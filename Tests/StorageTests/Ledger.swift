import Chat
import Storage

/// What a store was asked to keep, as somebody notes it who does not trust it.
struct Ledger {
    /// All that the last transaction left that was acknowledged.
    private(set) var acknowledged: String
    /// What each of those would have left that failed since: the next process may find one of them, whole.
    private(set) var inDoubt: [String] = []
    /// The messages that were acknowledged: their ids and texts.
    private(set) var messages: [Int64: String] = [:]
    private(set) var failures: [StoreError] = []

    init(_ path: String) throws { acknowledged = try Ledger.content(of: path) }

    /// Runs one transaction and notes what becomes of it.
    ///
    /// - Parameter body: Returns the messages that it stores.
    /// - Returns: Whether it was acknowledged.
    @discardableResult
    mutating func transaction(in store: Store, _ body: () throws(StoreError) -> [Message]) -> Bool {
        var would: String?
        let rows = store.changedRows
        do {
            let stored = try store.transaction { () throws(StoreError) in
                let stored = try body()
                would = try Ledger.content(store.database)
                return stored
            }
            acknowledged = would ?? ""
            // One that wrote nothing took no other one's place in the log.
            if store.changedRows != rows { inDoubt = [] }
            for message in stored {
                precondition(messages.updateValue(message.text, forKey: message.id.rawValue) == nil, "an id came twice")
            }
            return true
        } catch {
            failures.append(error)
            if let would { inDoubt.append(would) }
            return false
        }
    }

    /// No longer asks for messages that are to be deleted.
    mutating func release(_ isReleased: (String) -> Bool) { messages = messages.filter { !isReleased($0.value) } }

    /// Takes what is there for acknowledged, as whoever reads it does.
    mutating func lookAgain(_ path: String) throws {
        acknowledged = try Ledger.content(of: path)
        inDoubt = []
    }

    /// Why what is there is not what must be; `nil` if all is well.
    func complaint(about path: String) throws -> String? {
        let database = try Database(path: path, .readOnly)
        let problems = try database.prepare("PRAGMA integrity_check").all { $0.text(0) }
        if problems != ["ok"] { return "damaged: \(problems.prefix(3))" }
        let found = try Ledger.content(database)
        if found != acknowledged, !inDoubt.contains(found) {
            return "neither what was acknowledged nor what was in doubt:\n\(found)\ninstead of\n\(acknowledged)"
        }
        let stored = try database.prepare("SELECT id, text FROM messages").all { ($0.integer(0), $0.text(1)) }
        let texts = Dictionary(uniqueKeysWithValues: stored)
        for (id, text) in messages where texts[id] != text { return "message \(id) is lost" }
        return nil
    }

    private static func content(of path: String) throws -> String { try content(Database(path: path, .readOnly)) }

    /// Every row of every table that the work below writes to.
    private static func content(_ database: Database) throws(StoreError) -> String {
        let rows = [
            "users": "id, username, delivered_id, notifications_read_id, state", "conversations": "id, is_group",
            "direct_conversations": "first_user, second_user, conversation_id",
            "members": "user_id, conversation_id, last_read_id, joined_after",
            "messages": "id, conversation_id, sender_id, length(text), substr(text, 1, 20)",
            "conversation_messages": "conversation_id, message_id", "filing": "message_id",
            "client_ids": "sender_id, client_id, message_id", "notifications": "id, audience, audience_id, title",
            "notification_reads": "user_id, notification_id", "counter": "value",
            "bulk_messages": "id, done_id, sent, status", "request_keys": "name, result_id", "issued": "message_id",
            "erasures": "user_id, done_id",
        ]
        var content = ""
        for (table, columns) in rows.sorted(by: { $0.key < $1.key }) {
            let joined = columns.split(separator: ", ", omittingEmptySubsequences: true)
            let row =
                columns.contains("(") ? "format('%d,%d,%d,%d,%s', \(columns))" : joined.joined(separator: "||','||")
            let query = try database.prepare("SELECT group_concat(\(row), ' ') FROM \(table)")
            content += table + ": " + (try query.first { $0.text(0) } ?? "") + "\n"
        }
        return content
    }
}
