import Chat
import Storage
import Testing

@Suite(.onEachStore) struct NotificationTests {
    private let home: TemporaryStore

    init() throws { home = try TemporaryStore() }

    private func unread(_ user: User) throws -> Int { try home.store.notifications.unreadCount(of: user) }

    private func read(_ notification: Notification, by user: User) throws -> Outcome {
        try home.apply(.readNotification(notification.id, by: user.id, at: .start))
    }

    /// The titles of a person's notifications, newest first; read ones in parentheses.
    private func titles(_ user: User, before: NotificationID? = nil, limit: Int = 100) throws -> [String] {
        try home.store.notifications.page(of: user, before: before, limit: limit).map {
            $0.isRead ? "(\($0.notification.content.title))" : $0.notification.content.title
        }
    }

    @Test("a person, a college or everybody is notified, and nobody else")
    func audiences() throws {
        try home.notified(.person(home.asha.id), title: "to Asha")
        try home.notified(.college(CollegeID(1)), title: "to college 1")
        try home.notified(.college(CollegeID(2)), title: "to college 2")
        try home.notified(.everybody, title: "to all")
        #expect(try titles(home.asha) == ["to all", "to college 1", "to Asha"])
        #expect(try titles(home.ben) == ["to all", "to college 1"])
        #expect(try titles(home.chitra) == ["to all"])
        #expect(try [home.asha, home.ben, home.chitra].map(unread) == [3, 2, 1])
    }

    @Test("a college and a person of the same number are told apart")
    func sameNumber() throws {
        #expect(home.asha.id.rawValue == 1)
        try home.notified(.college(CollegeID(3)))
        #expect(home.chitra.id.rawValue == 3)
        #expect(try unread(home.chitra) == 0)
    }

    @Test("all of a notification is kept")
    func content() throws {
        let content = NotificationContent(
            title: "Leave Approved", message: "Your leave \u{1F600}", category: "hr", type: "notice", link: "/hr/12",
            priority: .high, data: Array(#"{"notice_id":42}"#.utf8))
        try home.apply(.notify(.college(CollegeID(1)), content, at: .start))
        let page = try home.store.notifications.page(of: home.ben, before: nil, limit: 1)
        let stored = try #require(page.first?.notification)
        #expect(stored.id == NotificationID(1))
        #expect(stored.audience == .college(CollegeID(1)))
        #expect(stored.sentAt == .start)
        #expect(stored.content.title == content.title)
        #expect(stored.content.message == content.message)
        #expect(stored.content.category == content.category)
        #expect(stored.content.type == content.type)
        #expect(stored.content.link == content.link)
        #expect(stored.content.priority == content.priority)
        #expect(stored.content.data == content.data)
    }

    @Test("defaults are kept too: no link is not an empty one")
    func defaults() throws {
        try home.notified(.everybody)
        let stored = try #require(
            try home.store.notifications.page(of: home.ben, before: nil, limit: 1).first?.notification)
        #expect(stored.content.link == nil)
        #expect(stored.content.category == "")
        #expect(stored.content.type == "alert")
        #expect(stored.content.priority == .normal)
        #expect(stored.content.data == Array("{}".utf8))
    }

    @Test("a notification for nobody is refused")
    func unknownPerson() throws {
        let content = NotificationContent(title: "T", message: "M")
        #expect(try home.apply(.notify(.person(UserID(99)), content, at: .start)).refusal == .unknownRecipient)
        #expect(try home.number("SELECT count(*) FROM notifications") == 0)
    }

    @Test("each reads for oneself, once")
    func reading() throws {
        let first = try home.notified(.everybody, title: "1")
        try home.notified(.everybody, title: "2")
        guard case .notificationRead(home.asha.id, 1) = try read(first, by: home.asha) else {
            throw Unexpected("another outcome")
        }
        #expect(try read(first, by: home.asha).isUnchanged)
        #expect(try titles(home.asha) == ["2", "(1)"])
        #expect(try titles(home.ben) == ["2", "1"])
        #expect(try unread(home.asha) == 1)
        #expect(try unread(home.ben) == 2)
    }

    @Test("nobody reads what is not theirs, or does not exist")
    func othersNotifications() throws {
        let mine = try home.notified(.person(home.asha.id))
        let colleges = try home.notified(.college(CollegeID(1)))
        #expect(try read(mine, by: home.ben).refusal == .unknownNotification)
        #expect(try read(colleges, by: home.chitra).refusal == .unknownNotification)
        #expect(
            try home.apply(.readNotification(NotificationID(99), by: home.asha.id, at: .start)).refusal
                == .unknownNotification)
        #expect(try home.apply(.readNotification(mine.id, by: UserID(99), at: .start)).refusal == .unknownNotification)
        #expect(try home.number("SELECT count(*) FROM notification_reads") == 0)
    }

    @Test("people who came later do not see what was before them")
    func newcomers() throws {
        let early = try home.notified(.everybody, title: "early")
        let store = home.store
        let dev = try store.transaction { () throws(StoreError) in
            try store.accounts.add(username: "dev", name: "Dev", college: CollegeID(1), password: nil, at: .start)
        }
        #expect(try unread(dev) == 0)
        #expect(try titles(dev) == [])
        #expect(try read(early, by: dev).refusal == .unknownNotification)
        try home.notified(.college(CollegeID(1)), title: "late")
        #expect(try unread(dev) == 1)
        #expect(try titles(dev) == ["late"])
        #expect(try titles(home.asha) == ["late", "early"])
    }

    @Test("pages go back from the newest, up to a limit")
    func pages() throws {
        let ids = try (1...5).map { try home.notified(.everybody, title: "\($0)").id }
        #expect(ids == ids.sorted())
        #expect(try titles(home.asha, limit: 2) == ["5", "4"])
        #expect(try titles(home.asha, before: ids[3], limit: 2) == ["3", "2"])
        #expect(try titles(home.asha, before: ids[1], limit: 2) == ["1"])
        #expect(try titles(home.asha, before: ids[0], limit: 2) == [])
    }

    // MARK: - All at once

    @Test("all there are become read at once, for one person; what comes later is unread")
    func readAll() throws {
        let first = try home.notified(.everybody, title: "1")
        try home.notified(.college(CollegeID(1)), title: "2")
        try home.notified(.person(home.asha.id), title: "3")
        #expect(try read(first, by: home.asha).isUnchanged == false)
        guard case .notificationRead(home.asha.id, 0) = try home.apply(.readAllNotifications(by: home.asha.id)) else {
            throw Unexpected("another outcome")
        }
        #expect(try home.apply(.readAllNotifications(by: home.asha.id)).isUnchanged)
        let late = try home.notified(.everybody, title: "4")
        #expect(try titles(home.asha) == ["4", "(3)", "(2)", "(1)"])
        #expect(try unread(home.asha) == 1)
        #expect(try titles(home.ben) == ["4", "2", "1"])
        #expect(try unread(home.ben) == 3)
        #expect(try read(first, by: home.asha).isUnchanged)
        guard case .notificationRead(home.asha.id, 0) = try read(late, by: home.asha) else {
            throw Unexpected("another outcome")
        }
    }

    @Test("where nothing is unread, reading all changes nothing")
    func nothingToRead() throws {
        #expect(try home.apply(.readAllNotifications(by: home.asha.id)).isUnchanged)
        #expect(try home.apply(.readAllNotifications(by: UserID(99))).isUnchanged)
        try home.notified(.person(home.ben.id))
        #expect(try home.apply(.readAllNotifications(by: home.asha.id)).isUnchanged)
        #expect(try unread(home.ben) == 1)
    }
}
