import Chat
import Storage
import Testing

@Suite(.onEachStore) struct NoticeTests {
    private let home: TemporaryStore

    init() throws { home = try TemporaryStore() }

    /// A notice, and what its audience is told of it.
    private func add(
        _ title: String = "Holiday", college: CollegeID? = CollegeID(1), isPublished: Bool = false,
        key: RequestKey? = nil, at time: Timestamp = .start
    ) throws -> (notice: Notice, announced: Notification?) {
        let draft = NoticeDraft(title: title, content: "Closed on Monday.", college: college)
        let outcome = try home.apply(.addNotice(draft, isPublished: isPublished, key: key, at: time))
        guard case .notice(let notice, let announced) = outcome else { throw Unexpected(outcome) }
        return (notice, announced)
    }

    private func publish(
        _ id: NoticeID, at time: Timestamp = .later(60)
    ) throws -> (notice: Notice, announced: Notification?) {
        let outcome = try home.apply(.publishNotice(id, at: time))
        guard case .notice(let notice, let announced) = outcome else { throw Unexpected(outcome) }
        return (notice, announced)
    }

    private func titles(_ notices: [Notice]) -> [String] { notices.map(\.title) }

    private func announcements(to user: User) throws -> [Notification] {
        try home.store.notifications.page(of: user, before: nil, limit: 100).map(\.notification)
    }

    @Test("a draft is kept as it was written, and nobody is told")
    func draft() throws {
        let (notice, announced) = try add()
        #expect(announced == nil)
        let stored = try #require(try home.reader().notices.notice(notice.id))
        for notice in [notice, stored] {
            #expect(notice.id == NoticeID(1))
            #expect(notice.title == "Holiday")
            #expect(notice.content == "Closed on Monday.")
            #expect(notice.college == CollegeID(1))
            #expect(notice.createdAt == .start)
            #expect(notice.publishedAt == nil)
        }
        #expect(try announcements(to: home.asha).isEmpty)
        #expect(try home.store.notices.notice(NoticeID(99)) == nil)
    }

    @Test("publishing tells its college, once")
    func publishing() throws {
        let draft = try add().notice
        let (notice, announced) = try publish(draft.id)
        #expect(notice.publishedAt == .later(60))
        #expect(notice.createdAt == .start)
        let announcement = try #require(announced)
        #expect(announcement.audience == .college(CollegeID(1)))
        #expect(announcement.sentAt == .later(60))
        #expect(announcement.content.message == "Holiday")

        let again = try publish(draft.id, at: .later(120))
        #expect(again.announced == nil)
        #expect(again.notice.publishedAt == .later(60))
        #expect(try announcements(to: home.asha).map(\.id) == [announcement.id])
        #expect(try announcements(to: home.ben).map(\.id) == [announcement.id])
        #expect(try announcements(to: home.chitra).isEmpty)
    }

    @Test("it may be published as it is made, for everybody")
    func published() throws {
        let (notice, announced) = try add(college: nil, isPublished: true)
        #expect(notice.publishedAt == .start)
        #expect(announced?.audience == .everybody)
        #expect(try announcements(to: home.chitra).map(\.id) == [try #require(announced).id])
        #expect(try publish(notice.id).announced == nil)
    }

    @Test("a notice that does not exist is not published")
    func unknown() throws {
        #expect(try home.apply(.publishNotice(NoticeID(99), at: .start)).refusal == .unknownNotice)
        #expect(try home.number("SELECT count(*) FROM notifications") == 0)
    }

    @Test("people see what was published for them, administrators everything")
    func lists() throws {
        let ids = [
            try add("draft").notice.id, try add("own", isPublished: true).notice.id,
            try add("other", college: CollegeID(2), isPublished: true).notice.id,
            try add("all", college: nil, isPublished: true).notice.id, try add("draft to all", college: nil).notice.id,
        ]
        #expect(ids == ids.sorted())
        let notices = home.store.notices
        #expect(try titles(notices.page(for: home.asha, before: nil, limit: 9)) == ["all", "own"])
        #expect(try titles(notices.page(for: home.chitra, before: nil, limit: 9)) == ["all"])
        #expect(
            try titles(notices.page(of: nil, before: nil, limit: 9)) == [
                "draft to all", "all", "other", "own", "draft",
            ])
        #expect(try titles(notices.page(of: CollegeID(1), before: nil, limit: 9)) == ["own", "draft"])
        #expect(try titles(notices.page(of: nil, before: ids[3], limit: 2)) == ["other", "own"])
        #expect(try titles(notices.page(for: home.asha, before: ids[3], limit: 9)) == ["own"])
        #expect(try titles(notices.page(for: home.asha, before: nil, limit: 1)) == ["all"])
    }

    @Test("a repeat is answered with the notice as it is by then, and tells nobody")
    func repeats() throws {
        let key = RequestKey(scope: "notices by 1", name: try #require(ClientID("n-1")))
        let first = try add(isPublished: true, key: key)
        let again = try add("Another title", isPublished: true, key: key)
        #expect(again.notice.id == first.notice.id)
        #expect(again.notice.title == "Holiday")
        #expect(again.announced == nil)
        #expect(try home.number("SELECT count(*) FROM notices") == 1)
        #expect(try home.number("SELECT count(*) FROM notifications") == 1)
    }
}
