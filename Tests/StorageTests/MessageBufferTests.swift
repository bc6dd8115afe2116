import Chat
import Testing

@testable import Storage

/// Messages of one transaction, which are inserted by the dozen.
@Suite(.onEachStore) struct MessageBufferTests {
    private let home: TemporaryStore

    init() throws { home = try TemporaryStore() }

    /// One that differs from the others in all that it has.
    private func change(_ number: Int64) -> Change {
        let (sender, recipient) = number % 2 == 0 ? (home.asha, home.ben) : (home.ben, home.chitra)
        let attachment = number % 3 == 0 ? Attachment("https://example.com/\(number)") : nil
        let draft = Draft(text: "\(number)\0\u{1F600}", attachment: attachment)
        return .send(draft, from: sender, to: .person(recipient.id), at: .start + .microseconds(number))
    }

    /// Carries out changes in one transaction.
    private func stored(_ changes: [Change]) throws -> [Message] {
        let store = home.store
        return try store.transaction { () throws(StoreError) in
            var stored: [Message] = []
            for change in changes {
                if case .stored(let message) = try store.apply(change) { stored.append(message) }
            }
            return stored
        }
    }

    private func description(of message: Message) -> String {
        "\(message.id) \(message.conversation) \(message.sender.id) \(message.text) \(message.sentAt.microseconds) "
            + (message.attachment?.url ?? "-")
    }

    /// What another connection finds, in the order of the ids.
    private func found() throws -> [String] {
        let database = try Database(home.location, .readOnly)
        return try database.prepare(
            "SELECT id, conversation_id, sender_id, text, created_at, attachment FROM messages ORDER BY id"
        ).all { row in
            "\(MessageID(row.integer(0))) \(ConversationID(row.integer(1))) \(UserID(row.integer(2))) \(row.text(3)) "
                + "\(row.integer(4)) \(row.optionalText(5) ?? "-")"
        }
    }

    @Test("each is stored as it was sent, under the id that its sender is told, however many there are")
    func whole() throws {
        var told: [String] = []
        var number: Int64 = 0
        for count in [1, 2, 15, 16, 17, 31, 32, 33, 100] as [Int64] {
            let messages = try stored((number + 1...number + count).map(change))
            #expect(messages.map(\.id.rawValue) == Array(number + 1...number + count))
            told += messages.map(description)
            number += count
            #expect(try found() == told)
        }
    }

    @Test("what else the transaction does sees all that was sent before")
    func seen() throws {
        let store = home.store
        let (asha, ben) = (home.asha, home.ben)
        for count in 1...18 {
            let name = ClientID("c-\(count)")
            let (first, repeated, read) = try store.transaction { () throws(StoreError) in
                let first = try store.apply(
                    .send(Draft(text: "\(count)", clientID: name), from: asha, to: .person(ben.id), at: .start))
                for _ in 1..<count {
                    _ = try store.apply(.send(Draft(text: "more"), from: asha, to: .person(ben.id), at: .start))
                }
                return (
                    first,
                    try store.apply(
                        .send(Draft(text: "again", clientID: name), from: asha, to: .person(ben.id), at: .start)),
                    try store.apply(.markRead(.person(asha.id), by: ben.id, at: .start))
                )
            }
            guard case .stored(let sent) = first, case .repeated(let earlier) = repeated, case .read(let receipt) = read
            else { throw Unexpected((first, repeated, read)) }
            #expect(earlier.id == sent.id)
            #expect(earlier.text == "\(count)")
            #expect(receipt.authors == [asha.id])
        }
        #expect(try home.number("SELECT count(*) FROM messages") == (1...18).reduce(0, +))
    }

    @Test("of a transaction that fails none is stored, and the next one's have its ids")
    func failure() throws {
        let store = home.store
        let asha = home.asha
        for count in [1, 15, 16, 17, 40] as [Int64] {
            #expect(throws: StoreError.self) {
                try store.transaction { () throws(StoreError) in
                    for number in 1...count { _ = try store.apply(change(number)) }
                    // The name is taken.
                    _ = try store.accounts.add(
                        username: asha.username, name: "", college: nil, password: nil, at: .start)
                }
            }
            #expect(try found() == [])
            #expect(store.lastMessage == MessageID(0))
        }
        let told = try stored((1...20).map(change)).map(description)
        #expect(try found() == told)
        #expect(told.first?.hasPrefix("1 ") == true)
    }

    @Test(
        "one that could not be stored fails its transaction, even where the error is taken for that of something else")
    func conflict() throws {
        let store = home.store
        // Where others may write, their ids are looked for when a transaction begins.
        if store.isShared { return }
        let before = try stored([change(1)]).map(description)
        let other = try Database(home.location, .readWrite)
        for count in [1, 15, 16, 17] as [Int64] {
            // Somebody else has taken an id.
            try other.execute(
                "INSERT INTO messages (id, conversation_id, sender_id, text, created_at) VALUES (2, 1, 1, '', 0)")
            #expect(throws: StoreError.self) {
                try store.transaction { () throws(StoreError) in
                    do {
                        for number in 2...count + 1 { _ = try store.apply(change(number)) }
                        try store.database.execute("SELECT 1")
                    } catch {}
                }
            }
            try other.execute("DELETE FROM messages WHERE id = 2")
            #expect(try found() == before)
            #expect(store.lastMessage == MessageID(1))
        }
        let after = try stored((2...20).map(change)).map(description)
        #expect(try found() == before + after)
    }

    @Test("ids go on behind the greatest that was ever given, not behind the greatest that is left")
    func issued() throws {
        _ = try stored((1...20).map(change))
        try home.store.transaction { () throws(StoreError) in
            try home.store.database.execute("DELETE FROM messages WHERE id > 5")
            try home.store.database.execute("UPDATE issued SET message_id = 20")
        }
        let told = try stored((21...60).map(change))
        #expect(told.map(\.id.rawValue) == Array(21...60))
        #expect(Array(try found().dropFirst(5)) == told.map(description))
    }
}
