package import Chat

/// Notices: what was announced, and what is yet to be.
package final class Notices {
    private let insert, publish, one, pageForPerson, pageForAdministrator: Statement

    package init(_ database: Database) throws(StoreError) {
        let columns = "SELECT id, title, content, college, created_at, published_at FROM notices"
        insert = try database.prepare(
            "INSERT INTO notices (title, content, college, created_at) VALUES (?1, ?2, ?3, ?4) RETURNING id")
        publish = try database.prepare("UPDATE notices SET published_at = ?2 WHERE id = ?1 AND published_at IS NULL")
        one = try database.prepare("\(columns) WHERE id = ?1")
        pageForPerson = try database.prepare(
            """
            \(columns) WHERE id < ?2 AND published_at IS NOT NULL AND (college IS NULL OR college = ?1)
            ORDER BY id DESC LIMIT ?3
            """)
        pageForAdministrator = try database.prepare(
            "\(columns) WHERE id < ?2 AND (cast(?1 AS bigint) IS NULL OR college = ?1) ORDER BY id DESC LIMIT ?3")
    }

    /// Stores a draft, inside a transaction.
    func add(_ draft: NoticeDraft, at time: Timestamp) throws(StoreError) -> NoticeID {
        let id = try insert.insert(
            .text(draft.title), .text(draft.content), SQLValue(draft.college?.rawValue), .integer(time.microseconds))
        return NoticeID(id)
    }

    /// Publishes a draft, inside a transaction.
    ///
    /// - Returns: Whether it was one until now.
    func publish(_ id: NoticeID, at time: Timestamp) throws(StoreError) -> Bool {
        try publish.change(.integer(id.rawValue), .integer(time.microseconds)) > 0
    }

    package func notice(_ id: NoticeID) throws(StoreError) -> Notice? {
        try one.first(.integer(id.rawValue), read: Self.notice)
    }

    /// Published notices that are for a person, newest first.
    package func page(for user: User, before: NoticeID?, limit: Int) throws(StoreError) -> [Notice] {
        try pageForPerson.all(
            SQLValue(user.college?.rawValue), .integer(before?.rawValue ?? .max), .integer(Int64(limit)),
            read: Self.notice)
    }

    /// All notices, or those of a college, drafts included, newest first.
    package func page(of college: CollegeID?, before: NoticeID?, limit: Int) throws(StoreError) -> [Notice] {
        try pageForAdministrator.all(
            SQLValue(college?.rawValue), .integer(before?.rawValue ?? .max), .integer(Int64(limit)),
            read: Self.notice)
    }

    private static func notice(_ row: Row) -> Notice {
        Notice(
            id: NoticeID(row.integer(0)), title: row.text(1), content: row.text(2),
            college: row.optionalInteger(3).map { CollegeID($0) }, createdAt: Timestamp(microseconds: row.integer(4)),
            publishedAt: row.optionalInteger(5).map { Timestamp(microseconds: $0) })
    }
}
