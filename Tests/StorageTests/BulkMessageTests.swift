import Chat
import Storage
import Testing

@Suite(.onEachStore) struct BulkMessageTests {
    private let home: TemporaryStore

    init() throws { home = try TemporaryStore() }

    private func add(
        _ recipients: BulkMessage.Recipients, title: String = "T", key: RequestKey? = nil,
        at time: Timestamp = .start
    ) throws -> BulkMessage {
        let store = home.store
        let content = NotificationContent(title: title, message: "M", type: "message", link: "/fees", priority: .high)
        let job = try store.transaction { () throws(StoreError) in
            try store.addBulkMessage(content, for: recipients, key: key, at: time)
        }
        return try #require(job)
    }

    /// Serves a few of those who wait; `nil` when nobody does.
    private func slice(_ limit: Int, in store: Store? = nil) throws -> [Notification]? {
        let store = store ?? home.store
        return try store.transaction { () throws(StoreError) in try store.sendBulkSlice(limit: limit, at: .later(60)) }
    }

    /// Serves all that wait, in slices, and gives back whom, in their order.
    private func serve(limit: Int = 100) throws -> [UserID] {
        var served: [UserID] = []
        while let sent = try slice(limit) { served += sent.compactMap(\.person) }
        return served
    }

    private func job(_ id: BulkMessageID) throws -> BulkMessage {
        try #require(try home.store.bulkMessages.bulkMessage(id))
    }

    private func addPeople(_ count: Int, college: CollegeID? = nil, at time: Timestamp = .start) throws -> [UserID] {
        let store = home.store
        return try store.transaction { () throws(StoreError) in
            var ids: [UserID] = []
            for number in 0..<count {
                let name = "p\(time.microseconds)-\(college?.rawValue ?? 0)-\(number)"
                ids.append(
                    try store.accounts.add(username: name, name: name, college: college, password: nil, at: time).id)
            }
            return ids
        }
    }

    @Test("what a slice says that it has stored is stored, in the order of the people")
    func slices() throws {
        let people = try addPeople(5)
        _ = try add(.people(people.reversed()))
        let sent = try #require(try slice(4))
        #expect(sent.compactMap(\.audience.person) == Array(people.prefix(4)))
        #expect(sent.map(\.id) == (1...4).map { NotificationID($0) })
        for notification in sent {
            let person = try #require(try notification.person.flatMap { try home.store.user($0) })
            let page = try home.reader().notifications.page(of: person, before: nil, limit: 9).map(\.notification)
            #expect(page.map(\.id) == [notification.id] && page.map(\.sentAt) == [notification.sentAt])
            #expect(page.map(\.content.link) == ["/fees"] && page.map(\.content.priority) == [.high])
            #expect(page.map(\.content.data) == [notification.content.data])
        }
        #expect(try slice(4)?.map(\.id) == [NotificationID(5)])
    }

    @Test("a job is kept as it was given")
    func stored() throws {
        let added = try add(.people([home.asha.id, home.chitra.id]))
        for job in [added, try #require(try home.reader().bulkMessages.bulkMessage(added.id))] {
            #expect(job.id == BulkMessageID(1))
            #expect(job.status == .running)
            #expect([job.total, job.sent, job.unknown] == [2, 0, 0])
            #expect(job.createdAt == .start)
            #expect(job.finishedAt == nil)
            #expect(job.content.title == "T")
            #expect(job.content.message == "M")
            #expect(job.content.type == "message")
            #expect(job.content.link == "/fees")
            #expect(job.content.priority == .high)
        }
        #expect(try home.store.bulkMessages.isRunning())
        #expect(try home.store.bulkMessages.bulkMessage(BulkMessageID(99)) == nil)
    }

    @Test("each gets one notification of their own, which names the job")
    func notifications() throws {
        let added = try add(.people([home.chitra.id, home.asha.id]))
        let sent = try #require(try slice(100))
        #expect(sent.map(\.audience) == [.person(home.asha.id), .person(home.chitra.id)])
        for notification in sent {
            #expect(notification.content.data == Array(#"{"bulk_message_id":1}"#.utf8))
            #expect(notification.content.title == "T")
            #expect(notification.sentAt == .later(60))
        }
        #expect(try slice(100) == nil)
        let done = try job(added.id)
        #expect(done.status == .done)
        #expect(done.sent == 2)
        #expect(done.finishedAt == .later(60))
        #expect(try !home.store.bulkMessages.isRunning())
        #expect(try home.store.notifications.unreadCount(of: home.asha) == 1)
        #expect(try home.store.notifications.unreadCount(of: home.ben) == 0)
    }

    @Test("slices of any size serve everybody once, the store opened anew for each", arguments: [1, 2, 3, 5, 100])
    func slices(_ limit: Int) throws {
        let people = try [home.asha.id, home.ben.id, home.chitra.id] + addPeople(4)
        let added = try add(.everybody)
        #expect(added.total == people.count)
        var served: [UserID] = []
        while true {
            let store = try home.another()
            guard let sent = try slice(limit, in: store) else { break }
            served += sent.compactMap(\.person)
            #expect(try job(added.id).sent == served.count)
        }
        #expect(served == people)
        #expect(try job(added.id).status == .done)
        #expect(try home.number("SELECT count(*) FROM notifications") == Int64(people.count))
    }

    @Test("a slice whose transaction fails is served again, to the same people")
    func failure() throws {
        _ = try add(.everybody)
        let store = home.store
        #expect(throws: StoreError.self) {
            try store.transaction { () throws(StoreError) in
                _ = try store.sendBulkSlice(limit: 2, at: .start)
                _ = try store.accounts.add(username: "ben", name: "", college: nil, password: nil, at: .start)
            }
        }
        #expect(try serve(limit: 2) == [home.asha.id, home.ben.id, home.chitra.id])
        #expect(try home.number("SELECT count(*) FROM notifications") == 3)
    }

    @Test("a college's people are served, and nobody else")
    func college() throws {
        let others = try addPeople(2, college: CollegeID(2))
        #expect(try add(.college(CollegeID(1))).total == 2)
        #expect(try serve(limit: 1) == [home.asha.id, home.ben.id])
        #expect(try add(.college(CollegeID(2))).total == 2)
        #expect(try serve() == others)
    }

    @Test("a college without people is done at once it comes up")
    func emptyCollege() throws {
        let added = try add(.college(CollegeID(9)))
        #expect(added.total == 0)
        #expect(try slice(10)?.isEmpty == true)
        #expect(try job(added.id).status == .done)
    }

    @Test("who is named twice is served once; who does not exist is counted")
    func unknown() throws {
        let added = try add(.people([home.ben.id, UserID(99), home.ben.id, UserID(98), UserID(99)]))
        #expect([added.total, added.unknown] == [1, 2])
        #expect(try serve() == [home.ben.id])
        let done = try job(added.id)
        #expect([done.total, done.sent, done.unknown] == [1, 1, 2])
        #expect(try home.number("SELECT count(*) FROM bulk_recipients") == 0)
    }

    @Test("people who come later are not meant, not even with a smaller id")
    func newcomers() throws {
        let (store, far) = (home.store, UserID(1000))
        try store.transaction { () throws(StoreError) in
            _ = try store.accounts.add(
                id: far, username: "far", name: "Far", college: CollegeID(1), password: nil, at: .start)
        }
        let jobs = [try add(.everybody), try add(.college(CollegeID(1)))]
        #expect(jobs.map(\.total) == [4, 3])
        #expect(try slice(1)?.map(\.person) == [home.asha.id])
        try store.transaction { () throws(StoreError) in
            _ = try store.accounts.add(
                id: UserID(500), username: "late", name: "Late", college: CollegeID(1), password: nil, at: .later(1))
        }
        _ = try addPeople(1, college: CollegeID(1), at: .later(1))
        #expect(try serve(limit: 1) == [home.ben.id, home.chitra.id, far, home.asha.id, home.ben.id, far])
        #expect(try jobs.map { try job($0.id).sent } == [4, 3])
    }

    @Test("jobs are worked on in the order they came")
    func order() throws {
        let first = try add(.people([home.asha.id, home.ben.id]), title: "1")
        let second = try add(.people([home.asha.id]), title: "2")
        var titles: [String] = []
        while let sent = try slice(1) { titles += sent.map(\.content.title) }
        #expect(titles == ["1", "1", "2"])
        #expect(try [first, second].allSatisfy { try job($0.id).status == .done })
    }

    @Test("who was served before the cancel stays so, the others get nothing")
    func cancel() throws {
        let added = try add(.people([home.asha.id, home.ben.id, home.chitra.id]))
        let next = try add(.people([home.chitra.id]))
        _ = try slice(1)
        let store = home.store
        for time in [Timestamp.later(61), .later(62)] {
            let cancelled = try store.transaction { () throws(StoreError) in
                try store.cancelBulkMessage(added.id, at: time)
            }
            #expect(cancelled?.status == .cancelled)
            #expect(cancelled?.sent == 1)
            #expect(cancelled?.finishedAt == .later(61))
        }
        #expect(try serve() == [home.chitra.id])
        #expect(try job(next.id).status == .done)
        #expect(try home.number("SELECT count(*) FROM bulk_recipients") == 0)
    }

    @Test("a job that is done stays done, and one that does not exist is not cancelled")
    func lateCancel() throws {
        let added = try add(.people([home.asha.id]))
        _ = try serve()
        let store = home.store
        try store.transaction { () throws(StoreError) in
            let done = try store.cancelBulkMessage(added.id, at: .later(99))
            #expect(done?.status == .done)
            #expect(done?.finishedAt == .later(60))
            #expect(try store.cancelBulkMessage(BulkMessageID(99), at: .later(99)) == nil)
        }
    }

    @Test("a repeat is answered with the job as it is by then")
    func repeats() throws {
        let key = RequestKey(scope: "bulk by 1", name: try #require(ClientID("b-1")))
        let first = try add(.people([home.asha.id]), key: key)
        _ = try serve()
        let again = try add(.everybody, title: "again", key: key)
        #expect(again.id == first.id)
        #expect(again.content.title == "T")
        #expect(again.status == .done)
        #expect(try slice(1) == nil)
    }

    @Test("pages go back from the newest, up to a limit")
    func pages() throws {
        for number in 1...4 { _ = try add(.people([home.asha.id]), title: "\(number)") }
        let jobs = home.store.bulkMessages
        #expect(try jobs.page(before: nil, limit: 2).map(\.content.title) == ["4", "3"])
        #expect(try jobs.page(before: BulkMessageID(3), limit: 5).map(\.content.title) == ["2", "1"])
        #expect(try jobs.page(before: BulkMessageID(1), limit: 5).isEmpty)
    }
}

extension Notification {
    /// Whom it is for, if it is for one person.
    fileprivate var person: UserID? { if case .person(let person) = audience { person } else { nil } }
}
