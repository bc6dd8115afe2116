import Chat
import Testing

@testable import Storage

/// Messages are filed by conversation some time after they were stored; nobody may see the difference.
@Suite struct FilingTests {
    /// A store in which something happens, and all that can be read of it.
    private final class Talks {
        let home: TemporaryStore
        let conversations: [ConversationID]
        let reader: ReadStore
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
            case .stored(let stored): return "\(stored.id) for \(Array(stored.recipients))"
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
        #expect(try home.number("SELECT json_array_length(ids) FROM filed_messages") == 3)
    }

    @Test(
        "pages, counts and backlogs are exact wherever they begin among rows of many", arguments: [1, 40, 64, 65, 500])
    func rows(_ portion: Int) throws {
        let talks = try Talks()
        var random = Generator(state: UInt64(portion))
        var expected: [[MessageID]] = [[], [], []]
        for second in 1...500 as ClosedRange<Int64> {
            let conversation = Int.random(in: 0..<5, using: &random) / 2
            _ = try talks.act(0, conversation, reads: false, at: second)
            expected[conversation].append(MessageID(second))
            if second % Int64(portion) == 0 { try talks.file() }
        }
        #expect(try Verification.run(talks.home.location).isEmpty)
        for (conversation, all) in zip(talks.conversations, expected) {
            for cursor in stride(from: 0, through: 502, by: 3).map({ MessageID($0) }) {
                for limit in [1, 50, 500] {
                    let before = try talks.reader.conversations.messages(of: conversation, before: cursor, limit: limit)
                    #expect(before.map(\.id) == Array(all.filter { $0 < cursor }.suffix(limit)))
                    let after = try talks.reader.conversations.messages(of: conversation, after: cursor, limit: limit)
                    #expect(after.map(\.id) == Array(all.filter { $0 > cursor }.prefix(limit)))
                }
            }
        }
        let waiting = (expected[0] + expected[2]).sorted()
        for start in stride(from: 0, through: 500, by: 7).map({ MessageID($0) }) {
            let backlog = try talks.home.store.backlog(of: talks.home.ben.id, after: start)
            #expect(backlog.messages.map(\.id) == Array(waiting.filter { $0 > start }.prefix(200)))
        }
    }

    @Test("what a version before filed message by message is found in its place")
    func former() throws {
        let folder = try TemporaryFolder()
        do {
            let database = try Database(path: folder.database, .readWrite)
            for step in Migrations.steps.prefix(8) { try database.execute(step) }
            try database.execute(
                """
                PRAGMA user_version = 8;
                INSERT INTO users (id, username, name, created_at, notifications_after)
                VALUES (1, 'asha', 'Asha', 0, 0), (2, 'ben', 'Ben', 0, 0);
                INSERT INTO conversations (id, created_at, is_group) VALUES (1, 0, 1), (2, 0, 1), (3, 0, 1);
                INSERT INTO members (user_id, conversation_id) SELECT users.id, conversations.id FROM users, conversations;
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 305)
                INSERT INTO messages SELECT i, CASE WHEN i = 7 THEN 3 ELSE 1 + i % 2 END, 1, i, i, NULL FROM n;
                INSERT INTO filed_messages SELECT conversation_id, id FROM messages WHERE id <= 300;
                UPDATE filing SET message_id = 300
                """)
        }
        let store = try Store(path: folder.database)
        #expect(store.hasUnfiledMessages)
        let all = (1...305).map { MessageID($0) }
        let expected = [
            all.filter { $0.rawValue % 2 == 0 }, all.filter { $0.rawValue % 2 == 1 && $0.rawValue != 7 },
            [MessageID(7)],
        ]
        for (index, ids) in expected.enumerated() {
            let found = try store.conversations.messages(
                of: ConversationID(Int64(index + 1)), before: nil, limit: 400)
            #expect(found.map(\.id) == ids)
        }
        #expect(try Verification.run(.sqlite(path: folder.database)).isEmpty)
        let rows = try Database(path: folder.database, .readOnly).prepare("SELECT count(*) FROM filed_messages")
        #expect(try rows.first { $0.integer(0) } == 3 + 3 + 1)
    }

    @Test("a message is taken out of its row, wherever it is there", arguments: 0..<6 as Range<UInt64>)
    func erased(_ seed: UInt64) throws {
        let talks = try Talks()
        var random = Generator(state: seed)
        for second in 1...200 as ClosedRange<Int64> {
            _ = try talks.act(0, Int.random(in: 0..<3, using: &random), reads: false, at: second)
            if Int.random(in: 0..<40, using: &random) == 0 { try talks.file() }
        }
        try talks.file()
        let (store, reader) = (talks.home.store, talks.reader)
        var left = try talks.conversations.map { id in
            try reader.conversations.messages(of: id, before: nil, limit: 500).map(\.id)
        }
        while let conversation = left.indices.filter({ !left[$0].isEmpty }).randomElement(using: &random) {
            // The oldest or the newest, as often as any.
            let place = [0, left[conversation].count - 1, Int.random(in: 0..<left[conversation].count, using: &random)]
            let message = left[conversation].remove(at: place.randomElement(using: &random) ?? 0)
            try store.transaction { () throws(StoreError) in
                try store.deleteMessage(message.rawValue, of: talks.conversations[conversation].rawValue)
            }
            let id = talks.conversations[conversation]
            let found = try reader.conversations.messages(of: id, before: nil, limit: 500).map(\.id)
            #expect(found == left[conversation])
            let summary = try reader.conversations.summary(
                of: #require(try reader.conversations.conversation(id, of: talks.home.asha.id)), for: talks.home.asha.id
            )
            #expect(summary.lastMessage?.id == left[conversation].last)
        }
        #expect(try talks.home.number("SELECT count(*) FROM filed_messages") == 0)
    }

    @Test(
        "a row that is not what it should be is found",
        arguments: [
            "UPDATE filed_messages SET last_id = last_id + 1 WHERE last_id = 2",
            "UPDATE filed_messages SET ids = '[1,2,2]' WHERE last_id = 2",
            "UPDATE filed_messages SET ids = '[1]', last_id = 1 WHERE last_id = 2",
            "UPDATE filed_messages SET ids = '[2,3,4]' WHERE last_id = 4",
            "UPDATE filed_messages SET ids = '[1,2' WHERE last_id = 2",
            "UPDATE filed_messages SET conversation_id = conversation_id + 1",
            "UPDATE filing SET message_id = 3",
            "UPDATE filing SET message_id = 9; UPDATE filed_messages SET ids = '[3,4,5]', last_id = 5 WHERE last_id = 4",
        ])
    func damaged(_ damage: String) throws {
        let talks = try Talks()
        for second in 1...4 as ClosedRange<Int64> {
            _ = try talks.act(0, 0, reads: false, at: second)
            if second % 2 == 0 { try talks.file() }
        }
        #expect(try Verification.run(talks.home.location).isEmpty)
        try Database(talks.home.location, .readWrite).execute(damage)
        #expect(try !Verification.run(talks.home.location).isEmpty)
    }

    @Test("there is a limit to what is not filed")
    func limit() throws {
        let home = try TemporaryStore()
        let id = try home.started(by: home.asha, with: home.ben).id
        try home.say(17_000, by: home.asha, in: id)
        #expect(try home.number("SELECT count(*) FROM filed_messages") == 16_384 / 64)
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
