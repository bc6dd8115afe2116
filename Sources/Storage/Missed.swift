package import Chat

/// What came after a position, as a node needs it that did not hear of it. Of one moment.
package struct Missed: Sendable {
    /// Oldest first, for the other members of the conversation, but for those who came later.
    package let messages: [Message]
    /// Oldest first.
    package let notifications: [Notification]
    /// Up to where that is everything: up to which it was asked for, or the newest of all, when it is complete.
    package let position: StorePosition
    package let isComplete: Bool
}

/// What finds what was missed, on PostgreSQL.
struct MissedStatements {
    let newest, messages, members, notifications: Statement

    init(_ database: Database) throws(StoreError) {
        newest = try database.prepare(
            "SELECT greatest(message_id, (SELECT max(id) FROM messages)), notification_id FROM issued")
        messages = try database.prepare(
            """
            SELECT messages.id, conversation_id, text, messages.created_at, attachment,
                users.id, username, name, college
            FROM messages LEFT JOIN users ON users.id = sender_id
            WHERE messages.id > ?1 AND messages.id <= ?2 ORDER BY messages.id LIMIT ?3
            """)
        // Of each conversation once, however much was said in it.
        members = try database.prepare(
            """
            SELECT conversation_id, string_agg(user_id || ' ' || joined_after, ' ' ORDER BY user_id) FROM members
            WHERE conversation_id IN (SELECT conversation_id FROM messages WHERE id > ?1 AND id <= ?2)
            GROUP BY conversation_id
            """)
        notifications = try database.prepare(
            """
            SELECT \(Notifications.columns) FROM notifications WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3
            """)
    }
}

extension ReadStore {
    /// What came after a position, at most `limit` messages and `limit` notifications. Where messages end for the limit's
    /// sake, notifications may still be all there are, and the other way round.
    ///
    /// - Parameter end: Up to where; `nil` for the newest of all.
    /// - Throws: Also where the store is for one node alone.
    package func missed(
        after start: StorePosition, upTo end: StorePosition?, limit: Int
    ) throws(StoreError) -> Missed {
        guard let statements = missedStatements else { throw .notShared }
        return try atOneMoment { () throws(StoreError) in
            try missed(after: start, upTo: end, limit: Int64(clamping: max(limit, 0)), statements)
        }
    }

    private func missed(
        after start: StorePosition, upTo end: StorePosition?, limit: Int64, _ statements: MissedStatements
    ) throws(StoreError) -> Missed {
        let newest = try statements.newest.first { row in
            StorePosition(message: MessageID(row.integer(0)), notification: NotificationID(row.integer(1)))
        }
        guard let newest else { throw StoreError(.other, "a row is missing in issued") }
        let end = end ?? newest
        // What a database that is behind does not have yet is still to come.
        let last = StorePosition(
            message: min(end.message, newest.message),
            notification: min(end.notification, newest.notification))
        let (messages, lastMessage) = try messages(
            after: start.message, upTo: last.message, limit, statements)
        let (notifications, lastNotification) = try notifications(
            after: start.notification, upTo: last.notification, limit, statements)
        let position = StorePosition(
            message: max(lastMessage, start.message), notification: max(lastNotification, start.notification))
        return Missed(
            messages: messages, notifications: notifications, position: position,
            isComplete: position.message >= end.message && position.notification >= end.notification)
    }

    private func messages(
        after start: MessageID, upTo end: MessageID, _ limit: Int64, _ statements: MissedStatements
    ) throws(StoreError) -> (found: [Message], upTo: MessageID) {
        if start >= end { return ([], end) }
        var found: [Message] = []
        var (count, last) = (0, start)
        // One more tells whether there are more.
        try statements.messages.forEach(
            .integer(start.rawValue), .integer(end.rawValue), .integer(limit &+ 1)
        ) { row in
            if count == limit {
                count += 1
                return false
            }
            count += 1
            last = MessageID(row.integer(0))
            if let message = Self.message(row) { found.append(message) }
            return true
        }
        var members: [ConversationID: Members] = [:]
        if !found.isEmpty {
            try statements.members.forEach(.integer(start.rawValue), .integer(last.rawValue)) { row in
                members[ConversationID(row.integer(0))] = Members(row.text(1))
                return true
            }
        }
        let messages = found.map { $0.addressed(to: Recipients(members[$0.conversation]?.others(of: $0) ?? [])) }
        return (messages, count > limit ? last : end)
    }

    private func notifications(
        after start: NotificationID, upTo end: NotificationID, _ limit: Int64, _ statements: MissedStatements
    ) throws(StoreError) -> (found: [Notification], upTo: NotificationID) {
        if start >= end { return ([], end) }
        var found = try statements.notifications.all(
            .integer(start.rawValue), .integer(end.rawValue), .integer(limit &+ 1), read: Notifications.notification)
        if found.count <= limit { return (found, end) }
        found.removeLast()
        return (found, found.last?.id ?? start)
    }

    /// - Returns: `nil` where there is no such sender any more.
    private static func message(_ row: Row) -> Message? {
        guard let sender = row.optionalInteger(5) else { return nil }
        return Message(
            id: MessageID(row.integer(0)), conversation: ConversationID(row.integer(1)),
            sender: User(
                id: UserID(sender), username: row.text(6), name: row.text(7),
                college: row.optionalInteger(8).map { CollegeID($0) }),
            text: row.text(2), attachment: row.optionalText(4).flatMap { Attachment($0) },
            sentAt: Timestamp(microseconds: row.integer(3)))
    }
}

/// Who is in a conversation, and since which message.
private struct Members {
    private var people: [(user: UserID, joinedAfter: MessageID)] = []

    /// - Parameter text: Pairs of numbers.
    init(_ text: String) {
        let numbers = text.utf8.split(separator: UInt8(ascii: " ")).map { Int64(Substring($0)) ?? 0 }
        for index in stride(from: 0, to: numbers.count - 1, by: 2) {
            people.append((UserID(numbers[index]), MessageID(numbers[index + 1])))
        }
    }

    func others(of message: Message) -> [UserID] {
        var others: [UserID] = []
        for (user, joinedAfter) in people where user != message.sender.id && joinedAfter < message.id {
            others.append(user)
        }
        return others
    }
}
