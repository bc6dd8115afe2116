package import Chat

/// Bulk messages and how far each has come. A slice's notifications and the note of them are of one transaction, so that
/// whatever ends the server, nobody gets one twice and nobody is left out.
package final class BulkMessages {
    private let insert, insertRecipient, counts, one, page, nextRunning: Statement
    private let nextOfEverybody, nextOfCollege, nextOfList, advance, finish, dropRecipients: Statement

    package init(_ database: Database) throws(StoreError) {
        insert = try database.prepare(
            """
            INSERT INTO bulk_messages (title, message, category, type, link, priority, data, audience, audience_id,
                last_user_id, status, total, unknown, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'running', ?11, ?12, ?13) RETURNING id
            """)
        insertRecipient = try database.prepare("INSERT INTO bulk_recipients VALUES (?1, ?2)")
        counts = try database.prepare(
            "SELECT count(*), coalesce(max(id), 0) FROM users WHERE state <> 2 AND (cast(?1 AS bigint) IS NULL OR college = ?1)"
        )
        let columns = """
            SELECT id, title, message, category, type, link, priority, data, status, total, sent, unknown, created_at,
                finished_at, audience, audience_id, last_user_id, done_id
            FROM bulk_messages
            """
        one = try database.prepare("\(columns) WHERE id = ?1")
        page = try database.prepare("\(columns) WHERE id < ?1 ORDER BY id DESC LIMIT ?2")
        nextRunning = try database.prepare("\(columns) WHERE status = 'running' ORDER BY id LIMIT 1")
        // A job's own people, who were there when it was created.
        let wanted = "id > ?1 AND id <= ?2 AND created_at <= ?3 AND state <> 2"
        nextOfEverybody = try database.prepare("SELECT id FROM users WHERE \(wanted) ORDER BY id LIMIT ?4")
        nextOfCollege = try database.prepare(
            "SELECT id FROM users WHERE \(wanted) AND college = ?5 ORDER BY id LIMIT ?4")
        nextOfList = try database.prepare(
            "SELECT user_id FROM bulk_recipients WHERE bulk_message_id = ?1 AND user_id > ?2 ORDER BY user_id LIMIT ?3")
        advance = try database.prepare("UPDATE bulk_messages SET done_id = ?2, sent = sent + ?3 WHERE id = ?1")
        finish = try database.prepare(
            "UPDATE bulk_messages SET status = ?2, finished_at = ?3 WHERE id = ?1 AND status = 'running'")
        dropRecipients = try database.prepare("DELETE FROM bulk_recipients WHERE bulk_message_id = ?1")
    }

    /// Stores a job, inside a transaction; it is worked on from now.
    ///
    /// - Parameter isKnown: Whether there is a person of that id.
    func add(
        _ content: NotificationContent, for recipients: BulkMessage.Recipients, at time: Timestamp,
        isKnown: (UserID) throws(StoreError) -> Bool
    ) throws(StoreError) -> BulkMessageID {
        var known: [UserID] = []
        var unknown = 0
        let audience, audienceID: Int64
        var (total, last): (Int, Int64) = (0, 0)
        switch recipients {
        case .everybody, .college:
            let college: CollegeID? = if case .college(let college) = recipients { college } else { nil }
            (audience, audienceID) = (college == nil ? 0 : 1, college?.rawValue ?? 0)
            (total, last) =
                try counts.first(SQLValue(college?.rawValue)) { (Int($0.integer(0)), $0.integer(1)) }
                ?? (0, 0)
        case .people(let people):
            for person in Set(people) {
                if try isKnown(person) { known.append(person) } else { unknown += 1 }
            }
            (audience, audienceID, total) = (2, 0, known.count)
        }
        let inserted = try insert.insert(
            .text(content.title), .text(content.message), .text(content.category), .text(content.type),
            SQLValue(content.link), .text(content.priority.rawValue),
            .text(String(decoding: content.data, as: UTF8.self)), .integer(audience), .integer(audienceID),
            .integer(last), .integer(Int64(total)), .integer(Int64(unknown)), .integer(time.microseconds))
        let id = BulkMessageID(inserted)
        for person in known { try insertRecipient.run(.integer(id.rawValue), .integer(person.rawValue)) }
        return id
    }

    package func bulkMessage(_ id: BulkMessageID) throws(StoreError) -> BulkMessage? {
        try one.first(.integer(id.rawValue)) { Self.job($0).message }
    }

    /// Newest first.
    package func page(before: BulkMessageID?, limit: Int) throws(StoreError) -> [BulkMessage] {
        try page.all(.integer(before?.rawValue ?? .max), .integer(Int64(limit))) { Self.job($0).message }
    }

    /// Whether there is work to do.
    package func isRunning() throws(StoreError) -> Bool { try nextRunning.first { _ in true } ?? false }

    /// Ends a job that is under way, inside a transaction; what was sent stays sent.
    func cancel(_ id: BulkMessageID, at time: Timestamp) throws(StoreError) {
        try end(id, as: .cancelled, at: time)
    }

    /// Takes the next recipients of the oldest job under way, inside the transaction that stores what they get.
    func takeSlice(
        limit: Int, at time: Timestamp
    ) throws(StoreError) -> (content: NotificationContent, people: [UserID])? {
        guard let job = try nextRunning.first(read: Self.job) else { return nil }
        let id = job.message.id
        let (done, limited) = (SQLValue.integer(job.done), SQLValue.integer(Int64(limit)))
        let created = SQLValue.integer(job.message.createdAt.microseconds)
        let people =
            switch job.audience {
            case 0: try nextOfEverybody.all(done, .integer(job.lastUser), created, limited, read: Self.person)
            case 1:
                try nextOfCollege.all(
                    done, .integer(job.lastUser), created, limited, .integer(job.audienceID), read: Self.person)
            default: try nextOfList.all(.integer(id.rawValue), done, limited, read: Self.person)
            }
        if let last = people.last {
            try advance.run(.integer(id.rawValue), .integer(last.rawValue), .integer(Int64(people.count)))
        }
        if people.count < limit { try end(id, as: .done, at: time) }
        return (job.message.notification, people)
    }

    private func end(_ id: BulkMessageID, as status: BulkMessage.Status, at time: Timestamp) throws(StoreError) {
        if try finish.change(.integer(id.rawValue), .text(status.rawValue), .integer(time.microseconds)) > 0 {
            try dropRecipients.run(.integer(id.rawValue))
        }
    }

    // MARK: - Rows

    private struct Job {
        let message: BulkMessage
        let audience, audienceID, lastUser, done: Int64
    }

    private static func person(_ row: Row) -> UserID { UserID(row.integer(0)) }

    private static func job(_ row: Row) -> Job {
        let content = NotificationContent(
            title: row.text(1), message: row.text(2), category: row.text(3), type: row.text(4),
            link: row.optionalText(5), priority: Priority(rawValue: row.text(6)) ?? .normal,
            data: Array(row.text(7).utf8))
        let message = BulkMessage(
            id: BulkMessageID(row.integer(0)), content: content,
            status: BulkMessage.Status(rawValue: row.text(8)) ?? .done, total: Int(row.integer(9)),
            sent: Int(row.integer(10)), unknown: Int(row.integer(11)),
            createdAt: Timestamp(microseconds: row.integer(12)),
            finishedAt: row.optionalInteger(13).map { Timestamp(microseconds: $0) })
        return Job(
            message: message, audience: row.integer(14), audienceID: row.integer(15), lastUser: row.integer(16),
            done: row.integer(17))
    }
}
