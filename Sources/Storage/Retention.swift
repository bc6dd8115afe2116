package import Chat

/// How long messages and notifications are kept; `nil`: for ever.
package struct Retention: Sendable {
    package var messages: Duration?
    package var notifications: Duration?

    package init(messages: Duration? = nil, notifications: Duration? = nil) {
        self.messages = messages
        self.notifications = notifications
    }

    var isLimited: Bool { messages != nil || notifications != nil }
}

/// What finds and deletes what is too old, compiled once.
struct RetentionStatements {
    let oldestMessages, oldestNotifications, deleteNotification, deleteReads, hasAgedBulk, deleteBulk: Statement

    init(_ database: Database) throws(StoreError) {
        oldestMessages = try database.prepare(
            """
            SELECT id, conversation_id, created_at FROM messages WHERE id <= (SELECT message_id FROM filing)
            ORDER BY id LIMIT ?1
            """)
        oldestNotifications = try database.prepare(
            "SELECT id, audience, audience_id, created_at FROM notifications ORDER BY id LIMIT ?1")
        deleteNotification = try database.prepare("DELETE FROM notifications WHERE id = ?1")
        let orphans = { (last: String) in
            """
            DELETE FROM notification_reads WHERE (user_id, notification_id) IN (
                SELECT user_id, notification_id FROM notification_reads
                WHERE notification_id < coalesce((SELECT min(id) FROM notifications),
                    1 + (\(last)))
                LIMIT ?1)
            """
        }
        deleteReads = try database.prepare(
            sqlite: orphans("SELECT seq FROM sqlite_sequence WHERE name = 'notifications'"),
            postgresql: orphans("SELECT last_value FROM notifications_id_seq"))
        let agedBulk = "FROM bulk_messages WHERE status <> 'running' AND finished_at < ?1"
        hasAgedBulk = try database.prepare("SELECT EXISTS (SELECT 1 \(agedBulk))")
        deleteBulk = try database.prepare(
            "DELETE FROM bulk_messages WHERE id IN (SELECT id \(agedBulk) ORDER BY id LIMIT ?2)")
    }
}

/// Retention goes by id, the oldest first, and ends at the first that is young enough: ids grow with time, unless the
/// clock was set back, and then what was stamped ahead holds back what is behind it for that long.
extension Store {
    /// Rows that one slice deletes: about 3 ms of work.
    private static let slice = 200
    /// People whose unread notifications are counted anew at once.
    private static let recountedAtOnce = 20

    /// Whether something is older than it may be.
    package func hasAged(_ retention: Retention, at now: Timestamp) throws(StoreError) -> Bool {
        if !retention.isLimited { return false }
        if let limit = retention.messages,
            let oldest = try self.retention.oldestMessages.first(.integer(1), read: { $0.integer(2) }),
            oldest < (now - limit).microseconds
        {
            return true
        }
        guard let limit = retention.notifications.map({ now - $0 }) else { return false }
        let oldest = try self.retention.oldestNotifications.first(.integer(1)) { $0.integer(3) }
        if let oldest, oldest < limit.microseconds { return true }
        return try self.retention.hasAgedBulk.first(.integer(limit.microseconds)) { $0.integer(0) != 0 } ?? false
    }

    /// Deletes some of what is too old, inside a transaction.
    ///
    /// - Returns: Whether there may be more to do, and who has another number of unread notifications now.
    package func retainSlice(
        _ retention: Retention, at now: Timestamp
    ) throws(StoreError) -> (hasMore: Bool, unread: [(user: UserID, count: Int)]) {
        if let limit = retention.messages, try ageMessages(before: now - limit) { return (true, []) }
        if let limit = retention.notifications, try ageNotifications(before: now - limit) { return (true, []) }
        let unread = try recount()
        return (!unread.isEmpty || notifications.hasStaleCounts, unread)
    }

    private func ageMessages(before limit: Timestamp) throws(StoreError) -> Bool {
        typealias Place = (id: Int64, conversation: Int64, time: Int64)
        let oldest = try retention.oldestMessages.all(.integer(Int64(Self.slice))) { row -> Place in
            (row.integer(0), row.integer(1), row.integer(2))
        }
        let aged = oldest.prefix { $0.time < limit.microseconds }
        if aged.isEmpty { return false }
        // The newest may be among them, and its id is not given again.
        try erasure.setIssued.run(.integer(newest.rawValue))
        for message in aged { try deleteMessage(message.id, of: message.conversation) }
        return true
    }

    private func ageNotifications(before limit: Timestamp) throws(StoreError) -> Bool {
        typealias Place = (id: Int64, audience: Audience, time: Int64)
        let slice = SQLValue.integer(Int64(Self.slice))
        let oldest = try retention.oldestNotifications.all(slice) { row -> Place in
            (row.integer(0), Notifications.audience(row, 1), row.integer(3))
        }
        let aged = oldest.prefix { $0.time < limit.microseconds }
        for notification in aged {
            try retention.deleteNotification.run(.integer(notification.id))
            notifications.hasChanged = true
            notifications.setStale(notification.audience)
        }
        if !aged.isEmpty { return true }
        // Behind the notifications: nothing that is still there becomes unread again.
        if try retention.deleteReads.change(slice) > 0 { return true }
        return try retention.deleteBulk.change(.integer(limit.microseconds), slice) > 0
    }

    private func recount() throws(StoreError) -> [(user: UserID, count: Int)] {
        var changed: [(user: UserID, count: Int)] = []
        for id in notifications.takeStale(Self.recountedAtOnce) {
            guard let before = notifications.forgetCount(of: id), let user = try user(id) else { continue }
            let count = try notifications.unreadCount(of: user)
            if count != before { changed.append((id, count)) }
        }
        return changed
    }
}
