import Chat
import Testing

@testable import Storage

@Suite(.onPostgreSQL) struct MissedTests {
    private let home: TemporaryStore
    private let reader: ReadStore
    private static let start = StorePosition(message: MessageID(0), notification: NotificationID(0))

    init() throws {
        home = try TemporaryStore()
        reader = try home.reader()
    }

    private func fill() throws -> (messages: [Message], notifications: [Notification]) {
        let group = try home.group(home.asha, home.ben, home.chitra)
        var (messages, notifications): ([Message], [Notification]) = ([], [])
        for number in 1...3 {
            messages.append(try home.sent("direct \(number)", from: home.asha, to: home.ben))
            messages.append(
                try home.said(
                    number == 2 ? "" : "group \(number)", by: home.chitra, in: group.id,
                    attachment: Attachment("https://example.org/\(number)")))
            notifications.append(try home.notified(.person(home.ben.id), title: "person \(number)"))
        }
        messages.append(try home.sent("last", from: home.ben, to: home.chitra))
        notifications.append(try home.notified(.college(CollegeID(1))))
        notifications.append(try home.notified(.everybody))
        return (messages, notifications)
    }

    @Test("part by part comes everything, once and in order, whatever the limit", arguments: 1...8)
    func limits(_ limit: Int) throws {
        let (messages, notifications) = try fill()
        var position = Self.start
        var (heard, notified): ([Message], [Notification]) = ([], [])
        var parts = 0
        while true {
            let part = try reader.missed(after: position, upTo: nil, limit: limit)
            #expect(part.messages.count <= limit && part.notifications.count <= limit)
            heard += part.messages
            notified += part.notifications
            position = part.position
            parts += 1
            #expect(position.message == heard.last?.id && position.notification == notified.last?.id)
            if part.isComplete { break }
        }
        #expect(parts == (7 + limit - 1) / limit)
        #expect(heard.map(\.id) == messages.map(\.id))
        #expect(heard.map(\.text) == messages.map(\.text))
        #expect(heard.map(\.attachment) == messages.map(\.attachment))
        #expect(heard.map(\.sender.name) == messages.map(\.sender.name))
        #expect(heard.map(\.sender.college) == messages.map(\.sender.college))
        #expect(heard.map(\.conversation) == messages.map(\.conversation))
        #expect(heard.map(\.sentAt) == messages.map(\.sentAt))
        #expect(notified.map(\.id) == notifications.map(\.id))
        #expect(notified.map(\.audience) == notifications.map(\.audience))
        #expect(notified.map(\.content.title) == notifications.map(\.content.title))
    }

    @Test("a limit of nothing finds nothing, and tells whether there is something")
    func nothing() throws {
        #expect(try reader.missed(after: Self.start, upTo: nil, limit: 0).isComplete)
        _ = try fill()
        let none = try reader.missed(after: Self.start, upTo: nil, limit: 0)
        #expect(none.messages.isEmpty && none.notifications.isEmpty && !none.isComplete)
        #expect(none.position == Self.start)
    }

    @Test("it ends where it was asked to, and at the newest where that is not there yet")
    func end() throws {
        let (messages, notifications) = try fill()
        let middle = StorePosition(message: messages[4].id, notification: notifications[1].id)
        let part = try reader.missed(after: Self.start, upTo: middle, limit: 100)
        #expect(part.messages.map(\.id) == messages.prefix(5).map(\.id))
        #expect(part.notifications.map(\.id) == notifications.prefix(2).map(\.id))
        #expect(part.isComplete && part.position == middle)
        let far = StorePosition(message: MessageID(1000), notification: notifications[4].id)
        let rest = try reader.missed(after: middle, upTo: far, limit: 100)
        #expect(rest.messages.count == 2 && rest.notifications.count == 3)
        #expect(!rest.isComplete)
        #expect(rest.position == StorePosition(message: messages[6].id, notification: notifications[4].id))
        let behind = try reader.missed(after: rest.position, upTo: middle, limit: 100)
        #expect(behind.messages.isEmpty && behind.notifications.isEmpty && behind.isComplete)
        #expect(behind.position == rest.position)
    }

    @Test("a message is for the others in the conversation, but for those who came later")
    func recipients() throws {
        let group = try home.group(home.asha, home.ben)
        try home.said("1", by: home.asha, in: group.id)
        try home.add(home.chitra, to: group)
        try home.said("2", by: home.ben, in: group.id)
        try home.sent("3", from: home.chitra, to: home.ben)
        let missed = try reader.missed(after: Self.start, upTo: nil, limit: 100)
        #expect(
            missed.messages.map { $0.recipients.sorted() } == [
                [home.ben.id], [home.asha.id, home.chitra.id], [home.ben.id],
            ])
        try home.remove(home.asha, from: group)
        let later = try reader.missed(after: Self.start, upTo: nil, limit: 100)
        #expect(later.messages.map { $0.recipients.sorted() } == [[home.ben.id], [home.chitra.id], [home.ben.id]])
    }

    @Test("what deleted people wrote is there until it is erased, under no name")
    func deleted() throws {
        let (store, asha) = (home.store, home.asha.id)
        _ = try fill()
        _ = try store.transaction { () throws(StoreError) in try store.delete(asha, keepingMessages: false) }
        let kept = try reader.missed(after: Self.start, upTo: nil, limit: 100)
        #expect(
            kept.messages.filter { $0.sender.id == asha }.map(\.sender.name) == [
                "Deleted user", "Deleted user", "Deleted user",
            ])
        #expect(kept.messages[1].recipients == [home.ben.id])
        while try store.transaction({ () throws(StoreError) in try store.eraseSlice() }) {}
        let left = try reader.missed(after: Self.start, upTo: nil, limit: 100)
        #expect(left.messages.map(\.id.rawValue) == [2, 4, 6, 7])
        #expect(left.isComplete && left.position == kept.position)
        // Also where it is the last that is gone.
        let (ben, chitra) = (home.ben.id, home.chitra.id)
        for user in [ben, chitra] {
            _ = try store.transaction { () throws(StoreError) in try store.delete(user, keepingMessages: false) }
        }
        while try store.transaction({ () throws(StoreError) in try store.eraseSlice() }) {}
        let none = try reader.missed(after: Self.start, upTo: nil, limit: 100)
        #expect(none.messages.isEmpty && none.isComplete && none.position == kept.position)
        #expect(none.notifications.map(\.id.rawValue) == [4, 5])
    }

    @Test("it tells the number of the newest transaction and the counter, of the same moment")
    func moment() throws {
        let (store, asha, ben) = (home.store, home.asha, home.ben.id)
        func say() throws {
            _ = try store.transaction { () throws(StoreError) in
                _ = try store.apply(.send(Draft(text: "x"), from: asha, to: .person(ben), at: .start))
                _ = try store.apply(.count(.increment(5), key: nil, at: .start))
                return try store.announce()
            }
        }
        try say()
        var found: [Result<Missed, StoreError>] = []
        reader.snapshot {
            found.append(Result { () throws(StoreError) in try reader.missed(after: Self.start, upTo: nil, limit: 1) })
            try? say()
            found.append(Result { () throws(StoreError) in try reader.missed(after: Self.start, upTo: nil, limit: 1) })
        }
        found.append(Result { () throws(StoreError) in try reader.missed(after: Self.start, upTo: nil, limit: 1) })
        let missed = try found.map { try $0.get() }
        #expect(missed.map(\.isComplete) == [true, true, false])
    }

    @Test("who catches up while others write misses nothing, and hears nothing twice")
    func concurrent() throws {
        let location = home.location
        let (asha, ben) = (home.asha, home.ben.id)
        let total: Int64 = 300
        let written = OnThread {
            let store = try Store(location)
            for number in 1...total {
                func say(fails: Bool) throws {
                    try store.transaction { () throws(StoreError) in
                        _ = try store.apply(.send(Draft(text: "\(number)"), from: asha, to: .person(ben), at: .start))
                        let content = NotificationContent(title: "\(number)", message: "M")
                        _ = try store.apply(.notify(.person(ben), content, at: .start))
                        _ = try store.announce()
                        if fails { throw StoreError(.other, "it fails") }
                    }
                }
                // What is taken back is not there, though its id is lost.
                if number % 7 == 0 { try? say(fails: true) }
                try say(fails: false)
            }
        }
        var position = Self.start
        var (texts, titles): ([String], [String]) = ([], [])
        while position.message.rawValue < total {
            let part = try reader.missed(after: position, upTo: nil, limit: 17)
            texts += part.messages.map(\.text)
            titles += part.notifications.map(\.content.title)
            position = part.position
        }
        try written.join()
        #expect(texts == (1...total).map(String.init))
        #expect(titles == texts)
    }
}
