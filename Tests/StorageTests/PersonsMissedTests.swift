import Chat
import Testing

@testable import Storage

@Suite(.onPostgreSQL) struct PersonsMissedTests {
    private let home: TemporaryStore
    private let reader: ReadStore

    init() throws {
        home = try TemporaryStore()
        reader = try home.reader()
    }

    private func missed(
        by user: User? = nil, after start: (Int64, Int64) = (0, 0), upTo end: (Int64, Int64) = (1000, 1000),
        limit: Int = 100, bytes: Int = 10_000
    ) throws -> [String]? {
        func position(_ pair: (Int64, Int64)) -> StorePosition {
            StorePosition(message: MessageID(pair.0), notification: NotificationID(pair.1))
        }
        let found = try reader.missed(
            by: user ?? home.ben, after: position(start), upTo: position(end), limit: limit, bytes: bytes)
        return found?.map { event in
            switch event {
            case .message(let message): "\(message.text) for \(message.recipients.map(\.description).sorted())"
            case .notification(let notification): notification.content.title
            default: "?"
            }
        }
    }

    @Test(
        "messages of one's conversations come, also one's own, and notifications, at the time at which they were sent")
    func all() throws {
        let group = try home.group(home.asha, home.ben, home.chitra)
        let conversation = try home.started(by: home.asha, with: home.ben).id
        try home.said("1", by: home.asha, in: conversation, at: .later(1))
        try home.said("2", by: home.ben, in: group.id, at: .later(3))
        try home.sent("not his", from: home.asha, to: home.chitra)
        try home.said("3", by: home.chitra, in: group.id, at: .later(5))
        for (seconds, audience) in [
            (2, Audience.person(home.ben.id)), (3, .college(CollegeID(1))), (4, .everybody),
            (4, .college(CollegeID(2))),
            (4, .person(home.asha.id)),
        ] {
            let content = NotificationContent(title: "at \(seconds)", message: "")
            try home.apply(.notify(audience, content, at: .later(Int64(seconds))))
        }
        let (asha, ben, chitra) = (home.asha.id, home.ben.id, home.chitra.id)
        #expect(
            try missed() == [
                "1 for [\"\(ben)\"]", "at 2", "2 for [\"\(asha)\", \"\(chitra)\"]", "at 3", "at 4",
                "3 for [\"\(asha)\", \"\(ben)\"]",
            ])
    }

    @Test("what comes lies between the two positions")
    func between() throws {
        for number in 1...5 { try home.sent("\(number)", from: home.asha, to: home.ben) }
        for number in 1...5 { try home.notified(.everybody, title: "N\(number)") }
        let found = try #require(try missed(after: (2, 3), upTo: (4, 4)))
        #expect(Set(found.map { $0.prefix(2) }) == ["3 ", "4 ", "N4"])
        #expect(try missed(after: (4, 4), upTo: (4, 4)) == [])
    }

    @Test("what was said before somebody came, or where they are no more, is nothing that they missed")
    func membership() throws {
        let group = try home.group(home.asha, home.chitra)
        let other = try home.group(home.asha, home.ben)
        try home.said("before", by: home.asha, in: group.id)
        try home.said("gone", by: home.asha, in: other.id)
        try home.add(home.ben, to: group)
        try home.remove(home.ben, from: other)
        try home.said("after", by: home.asha, in: group.id)
        #expect(try missed()?.map { $0.prefix(5) } == ["after"])
    }

    @Test("too much is not told at all", arguments: [(2, 100), (3, 2)])
    func tooMuch(_ limits: (count: Int, bytes: Int)) throws {
        for number in 1...3 { try home.sent("\(number)", from: home.asha, to: home.ben) }
        #expect(try missed(limit: limits.count, bytes: limits.bytes) == nil)
        #expect(try missed(limit: 3, bytes: 3)?.count == 3)
        #expect(try missed(after: (1, 0), limit: limits.count, bytes: 2)?.count == 2)
        try home.notified(.everybody, title: "NNN")
        try home.notified(.everybody, title: "NNN")
        #expect(try missed(after: (3, 0), limit: 1) == nil)
        #expect(try missed(after: (3, 1), limit: 1)?.count == 1)
        #expect(try missed(after: (3, 1), bytes: 2) == nil)
    }
}
