package import Chat

/// What finds what one person missed, on PostgreSQL.
struct PersonsMissedStatements {
    let messages, notifications: Statement

    init(_ database: Database) throws(StoreError) {
        messages = try database.prepare(
            // Of each conversation the oldest only: somebody may be in many, and have much to hear in each.
            """
            SELECT messages.* FROM members CROSS JOIN LATERAL (
                SELECT id, messages.conversation_id, sender_id, text, created_at, attachment FROM messages
                WHERE messages.conversation_id = members.conversation_id
                    AND id > greatest(?2, members.joined_after) AND id <= ?3
                ORDER BY id LIMIT ?4) AS messages
            WHERE members.user_id = ?1
            ORDER BY messages.id LIMIT ?4
            """)
        notifications = try database.prepare(
            "SELECT \(Notifications.columns) \(Notifications.mine) AND id > ?3 AND id <= ?4 ORDER BY id LIMIT ?5")
    }
}

extension ReadStore {
    /// What a person was to hear between two positions, and what they wrote themselves: messages of conversations that they
    /// are in, and notifications, each in the order of their ids; among each other by the time at which they were sent.
    ///
    /// - Parameters:
    ///   - limit: How many messages, and how many notifications.
    ///   - bytes: How much text.
    /// - Returns: `nil` when that is too much.
    /// - Throws: Also where the store is for one node alone.
    package func missed(
        by user: User, after start: StorePosition, upTo end: StorePosition, limit: Int, bytes: Int
    ) throws(StoreError) -> [Event]? {
        guard let statements = personsMissed else { throw .notShared }
        var room = bytes
        guard let messages = try messages(of: user, after: start.message, upTo: end.message, limit, &room, statements),
            let notifications = try notifications(
                for: user, after: start.notification, upTo: end.notification, limit, &room, statements)
        else { return nil }
        var members: [ConversationID: [UserID]] = [:]
        var events: [Event] = []
        events.reserveCapacity(messages.count + notifications.count)
        var next = 0
        for message in messages {
            while next < notifications.count, notifications[next].sentAt < message.sentAt {
                events.append(.notification(notifications[next]))
                next += 1
            }
            if members[message.conversation] == nil {
                members[message.conversation] = try conversations.members(of: message.conversation)
            }
            let others = members[message.conversation]?.filter { $0 != message.sender.id }
            events.append(.message(message.addressed(to: Recipients(others ?? []))))
        }
        return events + notifications[next...].map { .notification($0) }
    }

    private func messages(
        of user: User, after start: MessageID, upTo end: MessageID, _ limit: Int, _ room: inout Int,
        _ statements: PersonsMissedStatements
    ) throws(StoreError) -> [Message]? {
        if start >= end { return [] }
        var found: [Message] = []
        var count = 0
        // One more tells that there are too many.
        try statements.messages.forEach(
            .integer(user.id.rawValue), .integer(start.rawValue), .integer(end.rawValue), .integer(Int64(limit) + 1)
        ) { row throws(StoreError) in
            count += 1
            guard let message = try conversations.message(row) else { return true }
            room -= message.text.utf8.count
            found.append(message)
            return room >= 0
        }
        return count > limit || room < 0 ? nil : found
    }

    private func notifications(
        for user: User, after start: NotificationID, upTo end: NotificationID, _ limit: Int, _ room: inout Int,
        _ statements: PersonsMissedStatements
    ) throws(StoreError) -> [Notification]? {
        if start >= end { return [] }
        let found = try statements.notifications.all(
            .integer(user.id.rawValue), SQLValue(user.college?.rawValue), .integer(start.rawValue),
            .integer(end.rawValue), .integer(Int64(limit) + 1), read: Notifications.notification)
        for notification in found {
            room -= notification.content.title.utf8.count + notification.content.message.utf8.count
        }
        return found.count > limit || room < 0 ? nil : found
    }
}
