package import Chat

/// Notifications and who has read them. A person's are those addressed to them, their college or everybody, since
/// their account was made.
package final class Notifications {
    /// One statement for many people, where each statement is a journey.
    private let insertForEach: Statement?
    private let insert, one, audience, read, readAll, count, page: Statement
    /// How many some people have not read, kept up to date by the one who writes; `nil` for who only reads.
    private var unread: [UserID: (college: CollegeID?, count: Int)]?
    private static let unreadCacheLimit = 10_000
    /// Whether the transaction under way has changed who has how many.
    var hasChanged = false
    /// The newest that was given an id, where other nodes may write to the store.
    var newest = NotificationID(0)
    /// The most that are counted.
    package static let unreadLimit = 10_000

    /// What ``notification(_:)`` reads.
    static let columns = "id, audience, audience_id, title, message, category, type, link, priority, data, created_at"

    /// Of a person ?1 in a college ?2, where these are to be found.
    static let mine = """
        FROM notifications
        WHERE (audience, audience_id) IN (VALUES (0, 0), (1, cast(?2 AS bigint)), (2, ?1))
            AND notifications.id > (SELECT notifications_after FROM users WHERE users.id = ?1)
        """

    /// - Parameter isWriter: Whether all that changes does so through this.
    package init(_ database: Database, isWriter: Bool = false) throws(StoreError) {
        if isWriter { unread = [:] }
        insert = try database.prepare(
            """
            INSERT INTO notifications
                (audience, audience_id, title, message, category, type, link, priority, data, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING id
            """)
        insertForEach = try database.postgresql.map { _ throws(StoreError) in
            try database.prepare(
                """
                INSERT INTO notifications
                    (audience, audience_id, title, message, category, type, link, priority, data, created_at)
                SELECT 2, person, cast(?2 AS text), cast(?3 AS text), cast(?4 AS text), cast(?5 AS text),
                    cast(?6 AS text), cast(?7 AS text), cast(?8 AS text), cast(?9 AS bigint)
                FROM unnest(cast(?1 AS bigint[])) WITH ORDINALITY AS people (person, place) ORDER BY place
                RETURNING id, audience_id
                """)
        }
        let columns = Self.columns
        one = try database.prepare("SELECT \(columns) FROM notifications WHERE id = ?1")
        audience = try database.prepare(
            """
            SELECT audience, audience_id FROM notifications
            WHERE id = ?1 AND id > (SELECT notifications_after FROM users WHERE id = ?2)
            """)
        read = try database.prepare(
            """
            INSERT INTO notification_reads (user_id, notification_id, read_at)
            SELECT users.id, notifications.id, ?3 FROM users, notifications
            WHERE users.id = ?1 AND notifications.id = ?2 AND notifications.id > notifications_read_id
            ON CONFLICT DO NOTHING
            """)
        readAll = try database.prepare(
            "UPDATE users SET notifications_read_id = (SELECT coalesce(max(id), 0) FROM notifications) WHERE id = ?1")
        let mine = Self.mine
        count = try database.prepare(
            """
            SELECT count(*) FROM (SELECT 1 \(mine) AND id > (SELECT notifications_read_id FROM users WHERE users.id = ?1) AND NOT EXISTS (
                SELECT 1 FROM notification_reads WHERE user_id = ?1 AND notification_id = notifications.id)
                LIMIT ?3) AS unread
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
        let inserted = try insert.insert(
            .integer(kind), .integer(id), .text(content.title), .text(content.message), .text(content.category),
            .text(content.type), SQLValue(content.link), .text(content.priority.rawValue),
            .text(String(decoding: content.data, as: UTF8.self)), .integer(time.microseconds))
        newest = NotificationID(inserted)
        countUnread(for: audience)
        hasChanged = true
        return Notification(id: newest, audience: audience, content: content, sentAt: time)
    }

    /// Stores the same for each of some people, none of them twice, inside a transaction.
    func add(
        _ content: NotificationContent, forEach people: [UserID], at time: Timestamp
    ) throws(StoreError) -> [Notification] {
        guard let insertForEach, !people.isEmpty else {
            var added: [Notification] = []
            for person in people { added.append(try add(content, for: .person(person), at: time)) }
            return added
        }
        var added: [Notification] = []
        try insertForEach.forEach(
            .text("{\(people.map { String($0.rawValue) }.joined(separator: ","))}"), .text(content.title),
            .text(content.message), .text(content.category), .text(content.type), SQLValue(content.link),
            .text(content.priority.rawValue), .text(String(decoding: content.data, as: UTF8.self)),
            .integer(time.microseconds)
        ) { row in
            let (id, person) = (NotificationID(row.integer(0)), Audience.person(UserID(row.integer(1))))
            added.append(Notification(id: id, audience: person, content: content, sentAt: time))
            newest = max(newest, id)
            countUnread(for: person)
            return true
        }
        hasChanged = true
        return added
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
        let person = SQLValue.integer(user.id.rawValue)
        if try read.change(person, .integer(id.rawValue), .integer(time.microseconds)) == 0 { return false }
        hasChanged = true
        if let known = unread?[user.id] {
            // Of more than are counted, nobody knows how many are left.
            unread?[user.id] = known.count < Self.unreadLimit ? (known.college, known.count - 1) : nil
        }
        return true
    }

    /// Marks all there are as read.
    func markAllRead(by user: User) throws(StoreError) {
        try readAll.run(.integer(user.id.rawValue))
        hasChanged = true
        unread?[user.id]?.count = 0
    }

    func notification(_ id: NotificationID) throws(StoreError) -> Notification? {
        try one.first(.integer(id.rawValue), read: Self.notification)
    }

    /// How many notifications a person has not read, ``unreadLimit`` at the most.
    package func unreadCount(of user: User) throws(StoreError) -> Int {
        if let known = unread?[user.id] { return known.count }
        let count = try count.first(
            .integer(user.id.rawValue), SQLValue(user.college?.rawValue), .integer(Int64(Self.unreadLimit))
        ) { Int($0.integer(0)) }
        if let known = unread, known.count >= Self.unreadCacheLimit { unread = [:] }
        unread?[user.id] = (user.college, count ?? 0)
        return count ?? 0
    }

    /// Those who get a new one have one more.
    private func countUnread(for audience: Audience) {
        func add(to user: UserID) {
            guard let known = unread?[user] else { return }
            unread?[user]?.count = min(known.count + 1, Self.unreadLimit)
        }
        switch audience {
        case .person(let user): add(to: user)
        case .college(let college): for (user, known) in unread ?? [:] where known.college == college { add(to: user) }
        case .everybody: for user in (unread ?? [:]).keys { add(to: user) }
        }
    }

    /// People of whose counted notifications some are gone.
    private var stale: Set<UserID> = []
    var hasStaleCounts: Bool { !stale.isEmpty }

    /// A notification is gone: those who had it may have one less to read.
    func setStale(_ audience: Audience) {
        switch audience {
        case .person(let user): if unread?[user] != nil { stale.insert(user) }
        case .college(let college):
            for (user, known) in unread ?? [:] where known.college == college { stale.insert(user) }
        case .everybody: stale.formUnion((unread ?? [:]).keys)
        }
    }

    /// Some of the people who are to be counted anew.
    func takeStale(_ limit: Int) -> [UserID] {
        let taken = Array(stale.prefix(limit))
        stale.subtract(taken)
        return taken
    }

    /// Has a person's counted anew when somebody asks.
    ///
    /// - Returns: The number that was known.
    @discardableResult
    func forgetCount(of user: UserID) -> Int? { unread?.removeValue(forKey: user)?.count }

    /// Forgets what was counted: a transaction was rolled back.
    func forgetCounts() { if unread != nil { unread = [:] } }

    /// A person's notifications before a given one, newest first.
    package func page(
        of user: User, before: NotificationID?, limit: Int
    ) throws(StoreError) -> [(notification: Notification, isRead: Bool)] {
        try page.all(
            .integer(user.id.rawValue), SQLValue(user.college?.rawValue), .integer(before?.rawValue ?? .max),
            .integer(Int64(limit))
        ) { row in (Self.notification(row), row.integer(11) != 0) }
    }

    static func notification(_ row: Row) -> Notification {
        let content = NotificationContent(
            title: row.text(3), message: row.text(4), category: row.text(5), type: row.text(6),
            link: row.optionalText(7), priority: Priority(rawValue: row.text(8)) ?? .normal,
            data: Array(row.text(9).utf8))
        return Notification(
            id: NotificationID(row.integer(0)), audience: Self.audience(row, 1), content: content,
            sentAt: Timestamp(microseconds: row.integer(10)))
    }

    static func audience(_ row: Row, _ column: Int32) -> Audience {
        switch row.integer(column) {
        case 0: .everybody
        case 1: .college(CollegeID(row.integer(column + 1)))
        default: .person(UserID(row.integer(column + 1)))
        }
    }
}
