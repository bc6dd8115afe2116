import Chat
import Storage
import Testing

@Suite(.onEachStore) struct BacklogTests {
    private let home: TemporaryStore

    init() throws { home = try TemporaryStore() }

    /// Sends many messages in one transaction.
    private func send(_ count: Int, bytes: Int = 1) throws {
        let (store, asha, ben) = (home.store, home.asha, home.ben)
        try store.transaction { () throws(StoreError) in
            for number in 1...count {
                let text = "\(number)".padded(to: bytes)
                _ = try store.apply(.send(Draft(text: text), from: asha, to: .person(ben.id), at: .start))
            }
        }
    }

    /// The pages that Ben gets, each read on from the end of the one before.
    private func pages() throws -> [[Int64]] {
        var pages: [[Int64]] = []
        var position = MessageID(0)
        while true {
            let page = try home.store.backlog(of: home.ben.id, after: position)
            pages.append(page.messages.map(\.id.rawValue))
            if page.isComplete { return pages }
            position = try #require(page.messages.last).id
        }
    }

    @Test("nothing waits for somebody who was never written to")
    func empty() throws {
        try send(1)
        #expect(try home.store.waiting(for: home.chitra.id).messages.isEmpty)
        #expect(try home.store.waiting(for: home.chitra.id).isComplete)
    }

    @Test("what one wrote oneself is not repeated; what others wrote comes in order")
    func others() throws {
        try home.sent("1", from: home.asha, to: home.ben)
        try home.sent("2", from: home.ben, to: home.asha)
        try home.sent("3", from: home.chitra, to: home.ben)
        try home.sent("4", from: home.chitra, to: home.asha)
        try home.sent("5", from: home.asha, to: home.ben)
        let messages = try home.store.waiting(for: home.ben.id).messages
        #expect(messages.map(\.text) == ["1", "3", "5"])
        #expect(messages.map(\.sender.username) == ["asha", "chitra", "asha"])
    }

    @Test("a page has at most 200 messages, and the pages leave nothing out", arguments: [1, 199, 201, 450])
    func pages(_ count: Int) throws {
        try send(count)
        let pages = try pages()
        #expect(pages.flatMap(\.self) == Array(1...Int64(count)))
        #expect(pages.dropLast().allSatisfy { $0.count == 200 })
        #expect(pages.count == count / 200 + 1)
    }

    @Test("a full last page is followed by an empty one")
    func fullPage() throws {
        try send(200)
        #expect(try pages().map(\.count) == [200, 0])
    }

    @Test("a page ends once it holds 256 KiB of text, and the pages leave nothing out")
    func largePages() throws {
        try send(40, bytes: 16_384)
        let pages = try pages()
        #expect(pages.flatMap(\.self) == Array(1...40))
        #expect(pages.map(\.count) == [16, 16, 8])
    }

    @Test("a message larger than a page is a page")
    func largeMessage() throws {
        try send(2, bytes: 300_000)
        #expect(try pages().prefix(2) == [[1], [2]])
    }

    @Test("what was delivered is not repeated, and that never goes back")
    func delivered() throws {
        try send(3)
        try note(after: 0, upTo: 2)
        #expect(try waiting() == [3])
        try note(after: 0, upTo: 1)
        #expect(try waiting() == [3])
        try note(after: 2, upTo: 3)
        #expect(try waiting() == [])
        // A position asks for what follows it, whatever was delivered.
        #expect(try home.store.backlog(of: home.ben.id, after: MessageID(1)).messages.map(\.id.rawValue) == [2, 3])
    }

    @Test("a connection that came later can't vouch for what was sent before it")
    func gap() throws {
        try send(4)
        try note(after: 0, upTo: 1)
        try note(after: 3, upTo: 4)
        #expect(try waiting() == [2, 3, 4])
        try note(after: 1, upTo: 3)
        try note(after: 3, upTo: 4)
        #expect(try waiting() == [])
    }

    @Test("what is owed is counted from what was delivered, and asking for it delivers nothing")
    func owed() throws {
        try send(3)
        try note(after: 0, upTo: 1)
        let owed = home.store.owedBacklog(after: try home.store.delivered(to: home.ben.id))
        #expect(owed.start == MessageID(1))
        #expect(owed.messages.isEmpty)
        #expect(owed.end == MessageID(3))
        #expect(owed.isComplete)
        #expect(try waiting() == [2, 3])
        #expect(try home.store.backlog(of: home.ben.id, after: owed.start).messages.map(\.id.rawValue) == [2, 3])
    }

    @Test("who needs no backlog starts at the newest message, and nothing waits once that is noted")
    func unneeded() throws {
        try send(3)
        let empty = home.store.emptyBacklog
        #expect(empty.start == MessageID(3))
        #expect(empty.end == MessageID(3))
        #expect(empty.messages.isEmpty)
        #expect(empty.isComplete)
        #expect(try waiting() == [1, 2, 3])
        try home.store.noteEverything(for: home.ben.id)
        #expect(try waiting() == [])
        try home.sent("4", from: home.asha, to: home.ben)
        #expect(try waiting() == [4])
    }

    @Test("messages of groups wait too, in one order with all others")
    func groups() throws {
        let group = try home.group(home.asha, home.ben, home.chitra)
        try home.said("1", by: home.asha, in: group.id)
        try home.sent("2", from: home.chitra, to: home.ben)
        try home.said("3", by: home.ben, in: group.id)
        try home.said("4", by: home.chitra, in: group.id)
        #expect(try waiting() == [1, 2, 4])
    }

    private func note(after start: Int64, upTo end: Int64) throws {
        try home.store.noteDelivery(to: home.ben.id, after: MessageID(start), upTo: MessageID(end))
    }

    private func waiting() throws -> [Int64] {
        try home.store.waiting(for: home.ben.id).messages.map(\.id.rawValue)
    }
}

extension String {
    func padded(to count: Int) -> String {
        self + String(repeating: ".", count: max(0, count - utf8.count))
    }
}
