import Chat
import Testing

@testable import Storage

@Suite(.onPostgreSQL) struct AnnouncementTests {
    private struct Failure: Error {}

    /// Says something in a transaction that is numbered.
    @discardableResult
    private func announce(_ text: String, in home: TemporaryStore, _ store: Store) throws -> Announcement {
        let (sender, recipient) = (home.asha, home.ben.id)
        return try store.transaction { () throws(StoreError) in
            _ = try store.apply(.send(Draft(text: text), from: sender, to: .person(recipient), at: .start))
            return try store.announce()
        }
    }

    private func position(_ message: Int64, _ notification: Int64) -> StorePosition {
        StorePosition(message: MessageID(message), notification: NotificationID(notification))
    }

    @Test("numbers grow by one over all nodes, and each transaction begins where the one before has ended")
    func chain() throws {
        let home = try TemporaryStore()
        let nodes = [home.store, try home.another(), try home.another()]
        let announced = try (0..<12).map { try announce("\($0)", in: home, nodes[[0, 1, 1, 2, 0, 2][$0 % 6]]) }
        #expect(announced.map(\.number) == Array(1...12))
        #expect(announced[0].before == position(0, 0))
        for (one, next) in zip(announced, announced.dropFirst()) {
            #expect(next.before == one.after)
            #expect(next.after == position(one.after.message.rawValue + 1, 0))
        }
    }

    @Test("a transaction has one number, and what comes after counts what it stored of either kind")
    func both() throws {
        let home = try TemporaryStore()
        let (store, asha, ben) = (home.store, home.asha, home.ben.id)
        try home.notified(.everybody)
        let announced = try store.transaction { () throws(StoreError) in
            for number in 1...3 {
                _ = try store.apply(.send(Draft(text: "\(number)"), from: asha, to: .person(ben), at: .start))
                _ = try store.apply(
                    .notify(.everybody, NotificationContent(title: "T", message: "M"), key: nil, at: .start))
            }
            _ = try store.announce()
            return try store.announce()
        }
        #expect(announced == Announcement(number: 1, before: position(0, 1), after: position(3, 4)))
        #expect(try home.number("SELECT batch FROM issued") == 1)
        #expect(try home.number("SELECT notification_id FROM issued") == 4)
    }

    @Test("a transaction that is not numbered takes no number, but what it stored is seen")
    func silent() throws {
        let home = try TemporaryStore()
        try announce("1", in: home, home.store)
        let other = try home.another()
        try home.sent("2", from: home.asha, to: home.ben)
        try home.notified(.person(home.ben.id))
        let announced = try announce("3", in: home, other)
        #expect(announced == Announcement(number: 2, before: position(2, 1), after: position(3, 1)))
        #expect(other.seen == (1, position(2, 1)))
    }

    @Test("a transaction that fails gives its number back, and nothing of it is remembered")
    func failure() throws {
        let home = try TemporaryStore()
        let (store, ben) = (home.store, home.ben.id)
        try home.notified(.everybody)
        try announce("1", in: home, store)
        let seen = store.seen
        #expect(throws: StoreError.self) {
            try store.transaction { () throws(StoreError) in
                _ = try store.apply(
                    .notify(.person(ben), NotificationContent(title: "T", message: "M"), key: nil, at: .start))
                _ = try store.announce()
                throw StoreError(.other, "it fails")
            }
        }
        #expect(store.seen == seen)
        #expect(try announce("2", in: home, store).number == 2)
        // The id that was lost with it stays lost, and is never said to be there.
        #expect(store.seen.position == position(1, 1))
        let after = try home.notified(.everybody)
        #expect(after.id == NotificationID(3))
        #expect(try announce("3", in: home, try home.another()).before == position(2, 3))
    }

    @Test("what is deleted does not take the position back")
    func deleted() throws {
        let home = try TemporaryStore()
        let store = home.store
        let limit = Retention(messages: .seconds(60), notifications: .seconds(60))
        try announce("1", in: home, store)
        try home.notified(.everybody)
        while try store.transaction({ () throws(StoreError) in try store.retainSlice(limit, at: .later(100)).hasMore })
        {}
        #expect(try home.number("SELECT count(*) FROM messages") == 0)
        #expect(try home.number("SELECT count(*) FROM notifications") == 0)
        let other = try home.another()
        #expect(try announce("2", in: home, other).before == position(1, 1))
        #expect(try home.reader().missed(after: position(0, 0), upTo: nil, limit: 9).position == position(2, 1))
    }

    @Test("numbers follow one another also where nodes write at the same time")
    func concurrent() throws {
        let home = try TemporaryStore()
        let location = home.location
        let (asha, ben) = (home.asha, home.ben.id)
        let nodes = (0..<3).map { node in
            OnThread {
                let store = try Store(location)
                return try (0..<20).map { number in
                    try store.transaction { () throws(StoreError) in
                        let draft = Draft(text: "\(node) \(number)")
                        _ = try store.apply(.send(draft, from: asha, to: .person(ben), at: .start))
                        return try store.announce()
                    }
                }
            }
        }
        let announced = try nodes.flatMap { try $0.join() ?? [] }.sorted { $0.number < $1.number }
        #expect(announced.map(\.number) == Array(1...60))
        for (one, next) in zip(announced, announced.dropFirst()) { #expect(next.before == one.after) }
    }

    @Test("a store that was copied from a file knows how far it has got")
    func copied() throws {
        let file = try EachStore.Kind.$current.withValue(.sqlite) { try TemporaryStore() }
        for _ in 1...3 { try file.notified(.everybody) }
        try file.sent("1", from: file.asha, to: file.ben)
        let target = try TemporaryDatabase()
        _ = try StoreCopy(from: file.location, to: target.location).run { _, _, _ in }
        let store = try Store(target.location)
        let announced = try store.transaction { () throws(StoreError) in try store.announce() }
        #expect(announced == Announcement(number: 1, before: position(1, 3), after: position(1, 3)))
    }
}

@Suite struct LoneStoreTests {
    @Test("in a store of one node nothing is numbered, and nothing is missed")
    func refused() throws {
        let home = try TemporaryStore()
        let store = home.store
        #expect(throws: StoreError.self) {
            try store.transaction { () throws(StoreError) in try store.announce() }
        }
        #expect(throws: StoreError.self) {
            try home.reader().missed(after: store.seen.position, upTo: nil, limit: 1)
        }
        #expect(try home.sent("works", from: home.asha, to: home.ben).id == MessageID(1))
    }
}
