import Chat
import Testing

@testable import Storage

/// Messages are filed by conversation some time after they were stored; nobody may see the difference.
@Suite struct FilingTests {
    /// A store in which something happens, and all that can be read of it.
    private final class Talks {
        let home: TemporaryStore
        let conversations: [ConversationID]
        private let reader: ReadStore
        private var people: [User] { [home.asha, home.ben, home.chitra] }

        init() throws {
            home = try TemporaryStore()
            let (asha, ben, chitra) = (home.asha, home.ben, home.chitra)
            conversations = try [
                home.started(by: asha, with: ben).id, home.started(by: asha, with: chitra).id,
                home.group(asha, ben, chitra).id,
            ]
            reader = try home.reader()
        }

        func file() throws {
            let store = home.store
            try store.transaction { () throws(StoreError) in try store.fileMessages() }
        }

        func fail() {
            let (store, asha, conversation) = (home.store, home.asha, conversations[0])
            try? store.transaction { () throws(StoreError) in
                _ = try store.apply(
                    .send(Draft(text: "never"), from: asha, to: .conversation(conversation), at: .start))
                throw StoreError(code: 13, message: "disk full")
            }
        }

        /// What one person does, and what the others may hear of it.
        func act(_ person: Int, _ conversation: Int, reads: Bool, at second: Int64) throws -> String {
            let (user, id) = (people[person], conversations[conversation])
            let change: Change =
                reads
                ? .markRead(.conversation(id), by: user.id, at: .later(second))
                : .send(Draft(text: "\(second)"), from: user, to: .conversation(id), at: .later(second))
            switch try home.apply(change) {
            case .read(let receipt): return "\(receipt.reader) read what \(receipt.authors) wrote"
            case .stored(let message, let recipients): return "\(message.id) for \(recipients)"
            case .refused(let refusal): return "\(refusal)"
            case let outcome: return outcome.isUnchanged ? "unchanged" : "another outcome"
            }
        }

        func view() throws -> [String] {
            var view: [String] = []
            for person in people {
                for position in [try home.store.delivered(to: person.id), MessageID(0), MessageID(20)] {
                    let backlog = try home.store.backlog(of: person.id, after: position, bytes: 60)
                    view.append("\(backlog.messages.map(\.id)) \(backlog.end) \(backlog.isComplete)")
                }
                for (conversation, place) in try reader.conversations.list(of: person.id, behind: nil, limit: 9) {
                    let summary = try reader.conversations.summary(of: conversation, for: person.id)
                    view.append(
                        "\(conversation.id) \(place.activeAt) \(summary.unreadCount) "
                            + "\(summary.lastMessage.map { "\($0.id)" } ?? "none")")
                }
            }
            for id in conversations {
                for cursor in [MessageID(1), MessageID(15), MessageID(40)] {
                    let before = try reader.conversations.messages(of: id, before: cursor, limit: 3)
                    let after = try reader.conversations.messages(of: id, after: cursor, limit: 3)
                    view.append("\(before.map(\.id)) \(after.map(\.id))")
                }
                view.append("\(try reader.conversations.messages(of: id, before: nil, limit: 100).map(\.text))")
            }
            return view
        }
    }

    @Test(
        "what can be read is the same whether messages are filed at once, sometimes or never", .onEachStore,
        arguments: 0..<12)
    func differential(_ seed: UInt64) throws {
        var random = Generator(state: seed)
        let (filed, sometimes, never) = (try Talks(), try Talks(), try Talks())
        for second in 1...60 as ClosedRange<Int64> {
            let (person, conversation) = (Int.random(in: 0..<3, using: &random), Int.random(in: 0..<3, using: &random))
            let reads = Int.random(in: 0..<4, using: &random) == 0
            let expected = try filed.act(person, conversation, reads: reads, at: second)
            try filed.file()
            #expect(try sometimes.act(person, conversation, reads: reads, at: second) == expected)
            if Int.random(in: 0..<9, using: &random) == 0 { try sometimes.file() }
            if Int.random(in: 0..<9, using: &random) == 0 { sometimes.fail() }
            #expect(try never.act(person, conversation, reads: reads, at: second) == expected)
            if second % 10 == 0 {
                let view = try filed.view()
                #expect(try sometimes.view() == view)
                #expect(try never.view() == view)
            }
        }
    }

    @Test("who opens the store anew finds what was not filed")
    func reopened() throws {
        let home = try TemporaryStore()
        for number in 1...3 { try home.sent("\(number)", from: home.asha, to: home.ben) }
        #expect(home.store.hasUnfiledMessages)
        let again = try home.another()
        #expect(again.hasUnfiledMessages)
        #expect(try again.waiting(for: home.ben.id).messages.map(\.text) == ["1", "2", "3"])
        try again.transaction { () throws(StoreError) in try again.fileMessages() }
        #expect(!again.hasUnfiledMessages)
        #expect(try again.waiting(for: home.ben.id).messages.map(\.text) == ["1", "2", "3"])
        #expect(try home.number("SELECT count(*) FROM filed_messages") == 3)
    }

    @Test("there is a limit to what is not filed")
    func limit() throws {
        let home = try TemporaryStore()
        let id = try home.started(by: home.asha, with: home.ben).id
        try home.say(17_000, by: home.asha, in: id)
        #expect(try home.number("SELECT count(*) FROM filed_messages") == 16_384)
        #expect(try home.number("SELECT count(*) FROM conversation_messages") == 17_000)
    }
}

/// A small random number generator, so that a seed names a run.
private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
