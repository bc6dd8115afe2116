package import Chat

/// Notifications and who has read them. A person's are those addressed to them, their college or everybody, since
/// their account was made.
package final class Notifications {
    private let database: Database
    private let insert, one, audience, read, readAll, count, page: Statement

    package init(_ database: Database) throws(StoreError) {
        self.database = database
        insert = try database.prepare(
            """
            INSERT INTO notifications
                (audience, audience_id, title, message, category, type, link, priority, data, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
            """)
        let columns = "id, audience, audience_id, title, message, category, type, link, priority, data, created_at"
        one = try database.prepare("SELECT \(columns) FROM notifications WHERE id = ?1")
        audience = try database.prepare(
            """
            SELECT audience, audience_id FROM notifications
            WHERE id = ?1 AND id > (SELECT notifications_after FROM users WHERE id = ?2)
            """)
        read = try database.prepare(
            """
            INSERT OR IGNORE INTO notification_reads
            SELECT ?1, ?2, ?3 WHERE ?2 > (SELECT notifications_read_id FROM users WHERE id = ?1)
            """)
        readAll = try database.prepare(
            "UPDATE users SET notifications_read_id = (SELECT max(id) FROM notifications) WHERE id = ?1")
        let mine = """
            FROM notifications
            WHERE (audience, audience_id) IN (VALUES (0, 0), (1, ?2), (2, ?1))
                AND notifications.id > (SELECT notifications_after FROM users WHERE users.id = ?1)
            """
        count = try database.prepare(
            """
            SELECT count(*) \(mine) AND id > (SELECT notifications_read_id FROM users WHERE users.id = ?1) AND NOT EXISTS (
                SELECT 1 FROM notification_reads WHERE user_id = ?1 AND notification_id = notifications.id)
            """)
        page = try database.prepare(
            """
            SELECT \(columns), id <= (SELECT notifications_read_id FROM users WHERE users.id = ?1)
                OR EXISTS (SELECT 1 FROM notification_reads WHERE user_id = ?1 AND notification_id = notifications.id)
            \(mine) AND id < ?3 ORDER BY id DESC LIMIT ?4
            """)
    }

    /// Stores a notification, inside a transaction.
    package func add(
        _ content: NotificationContent, for audience: Audience, at time: Timestamp
    ) throws(StoreError) -> Notification {
        let (kind, id): (Int64, Int64) =
            switch audience {
            case .everybody: (0, 0)
            case .college(let college): (1, college.rawValue)
            case .person(let user): (2, user.rawValue)
            }
        try insert.run(
            .integer(kind), .integer(id), .text(content.title), .text(content.message), .text(content.category),
            .text(content.type), SQLValue(content.link), .text(content.priority.rawValue),
            .text(String(decoding: content.data, as: UTF8.self)), .integer(time.microseconds))
        return Notification(
            id: NotificationID(database.lastInsertedRow), audience: audience, content: content, sentAt: time)
    }

    func isAddressed(_ id: NotificationID, to user: User) throws(StoreError) -> Bool {
        let audience = try audience.first(.integer(id.rawValue), .integer(user.id.rawValue)) { Self.audience($0, 0) }
        return switch audience {
        case .everybody: true
        case .college(let college): college == user.college
        case .person(let person): person == user.id
        case nil: false
        }
    }

    /// - Returns: Whether it was unread before.
    func markRead(_ id: NotificationID, by user: User, at time: Timestamp) throws(StoreError) -> Bool {
        try read.run(.integer(user.id.rawValue), .integer(id.rawValue), .integer(time.microseconds))
        return database.changedRows > 0
    }

    /// Marks all there are as read.
    func markAllRead(by user: User) throws(StoreError) {
        try readAll.run(.integer(user.id.rawValue))
    }

    func notification(_ id: NotificationID) throws(StoreError) -> Notification? {
        try one.first(.integer(id.rawValue), read: Self.notification)
    }

    package func unreadCount(of user: User) throws(StoreError) -> Int {
        try count.first(.integer(user.id.rawValue), SQLValue(user.college?.rawValue)) { Int($0.integer(0)) } ?? 0
    }

    /// A person's notifications before a given one, newest first.
    package func page(
        of user: User, before: NotificationID?, limit: Int
    ) throws(StoreError) -> [(notification: Notification, isRead: Bool)] {
        try page.all(
            .integer(user.id.rawValue), SQLValue(user.college?.rawValue), .integer(before?.rawValue ?? .max),
            .integer(Int64(limit))
        ) { row in (Self.notification(row), row.integer(11) != 0) }
    }

    private static func notification(_ row: Row) -> Notification {
        let content = NotificationContent(
            title: row.text(3), message: row.text(4), category: row.text(5), type: row.text(6),
            link: row.optionalText(7), priority: Priority(rawValue: row.text(8)) ?? .normal,
            data: Array(row.text(9).utf8))
        return Notification(
            id: NotificationID(row.integer(0)), audience: Self.audience(row, 1), content: content,
            sentAt: Timestamp(microseconds: row.integer(10)))
    }

    private static func audience(_ row: Row, _ column: Int32) -> Audience {
        switch row.integer(column) {
        case 0: .everybody
        case 1: .college(CollegeID(row.integer(column + 1)))
        default: .person(UserID(row.integer(column + 1)))
        }
    }
}
