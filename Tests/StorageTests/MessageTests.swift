import Chat
import Storage
import Testing

@Suite(.onEachStore) struct MessageTests {
    private let home: TemporaryStore

    init() throws { home = try TemporaryStore() }

    // MARK: - Sending

    @Test("a message is stored as it was sent")
    func stored() throws {
        let message = try home.sent("Hello \u{1F600}\0", from: home.asha, to: home.ben)
        #expect(message.sender === home.asha)
        #expect(message.text == "Hello \u{1F600}\0")
        #expect(message.sentAt == .start)
        #expect(home.store.lastMessage == message.id)
        let backlog = try home.store.waiting(for: home.ben.id)
        #expect(backlog.messages.map(\.text) == ["Hello \u{1F600}\0"])
        #expect(backlog.messages.first?.sender.name == "Asha Rao")
        #expect(backlog.messages.first?.sentAt == .start)
    }

    @Test("two people have one conversation, whoever begins")
    func onePair() throws {
        let first = try home.sent("1", from: home.asha, to: home.ben)
        let answer = try home.sent("2", from: home.ben, to: home.asha)
        let other = try home.sent("3", from: home.asha, to: home.chitra)
        #expect(first.conversation == answer.conversation)
        #expect(first.conversation != other.conversation)

        let reopened = try home.another()
        let (asha, ben) = (home.asha, home.ben)
        let outcome = try reopened.transaction { () throws(StoreError) in
            try reopened.apply(.send(Draft(text: "4"), from: ben, to: .person(asha.id), at: .start))
        }
        guard case .stored(let later) = outcome else { throw Unexpected(outcome) }
        #expect(later.conversation == first.conversation)
        #expect(try home.number("SELECT count(*) FROM direct_conversations") == 2)
        #expect(try home.number("SELECT count(*) FROM members") == 4)
    }

    @Test("a message to nobody is refused, and leaves nothing")
    func unknownRecipient() throws {
        #expect(try home.send("Hello", from: home.asha, to: UserID(99)).refusal == .unknownRecipient)
        #expect(try home.number("SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM conversations)") == 0)
    }

    @Test("ids grow by one, also over a restart")
    func ids() throws {
        #expect(try (1...3).map { try home.sent("\($0)", from: home.asha, to: home.ben).id.rawValue } == [1, 2, 3])
        #expect(try home.another().lastMessage == MessageID(3))
    }

    // MARK: - Transactions

    /// Sends and then fails.
    private func sendAndFail(from sender: User, to recipient: User) throws -> Message {
        let store = home.store
        var message: Message?
        #expect(throws: StoreError.self) {
            try store.transaction { () throws(StoreError) in
                let outcome = try store.apply(
                    .send(
                        Draft(text: "lost", clientID: ClientID("lost")), from: sender, to: .person(recipient.id),
                        at: .start))
                if case .stored(let stored) = outcome { message = stored }
                // The name is taken.
                _ = try store.accounts.add(
                    username: sender.username, name: "", college: nil, password: nil, at: .start)
            }
        }
        return try #require(message)
    }

    @Test("a transaction that throws leaves nothing: no message, no conversation, no name")
    func failure() throws {
        let lost = try sendAndFail(from: home.asha, to: home.ben)
        for table in ["messages", "conversations", "direct_conversations", "members", "client_ids"] {
            #expect(try home.number("SELECT count(*) FROM \(table)") == 0)
        }
        let again = try home.sent("again", from: home.asha, to: home.ben, clientID: "lost")
        #expect(again.id == lost.id)
        #expect(
            try home.number("SELECT count(*) FROM direct_conversations WHERE conversation_id = \(again.conversation)")
                == 1)
    }

    @Test("ids never go back after a transaction that failed")
    func idsAfterFailure() throws {
        let before = try home.sent("before", from: home.asha, to: home.ben)
        _ = try sendAndFail(from: home.asha, to: home.ben)
        #expect(home.store.lastMessage == before.id)
        let after = try home.sent("after", from: home.asha, to: home.ben)
        #expect(after.id > before.id)
        #expect(try home.store.waiting(for: home.ben.id).messages.map(\.text) == ["before", "after"])
    }

    // MARK: - A sender's own ids

    @Test("a repeat answers with the first message for a day, and is new after it")
    func clientIDs() throws {
        let day = Duration.seconds(86_400)
        let first = try home.sent("1", from: home.asha, to: home.ben, clientID: "c-1")
        for time in [Timestamp.start, .start + day - .microseconds(1)] {
            let outcome = try home.send("again", from: home.asha, to: home.ben.id, clientID: "c-1", at: time)
            guard case .repeated(let message) = outcome else { throw Unexpected(outcome) }
            #expect(message.id == first.id)
            #expect(message.conversation == first.conversation)
            #expect(message.sender.id == home.asha.id)
            #expect(message.text == "1")
            #expect(message.sentAt == .start)
        }
        let later = try home.send("2", from: home.asha, to: home.ben.id, clientID: "c-1", at: .start + day)
        guard case .stored(let second) = later else { throw Unexpected(later) }
        let repeated = try home.send("2", from: home.asha, to: home.ben.id, clientID: "c-1", at: .start + day)
        guard case .repeated(let message) = repeated else { throw Unexpected(repeated) }
        #expect(message.id == second.id)
        #expect(try home.number("SELECT count(*) FROM messages") == 2)
    }

    @Test("a name is for one conversation: in another it is refused, and nothing is stored")
    func clientIDInUse() throws {
        try home.sent("1", from: home.asha, to: home.ben, clientID: "c-1")
        let outcome = try home.send("2", from: home.asha, to: home.chitra.id, clientID: "c-1")
        #expect(outcome.refusal == .clientIDInUse)
        #expect(try home.number("SELECT count(*) FROM messages") == 1)
    }

    @Test("each sender has names of their own, and each name its message")
    func clientIDsOfOthers() throws {
        try home.sent("1", from: home.asha, to: home.ben, clientID: "c-1")
        try home.sent("2", from: home.asha, to: home.ben, clientID: "c-2")
        try home.sent("3", from: home.ben, to: home.asha, clientID: "c-1")
        try home.sent("4", from: home.ben, to: home.asha)
        #expect(try home.number("SELECT count(*) FROM messages") == 4)
    }

    @Test("a repeat within one transaction is known")
    func repeatInBatch() throws {
        let (store, asha, ben) = (home.store, home.asha, home.ben)
        let draft = Draft(text: "1", clientID: ClientID("c-1"))
        let change = Change.send(draft, from: asha, to: .person(ben.id), at: .start)
        let second = try store.transaction { () throws(StoreError) in
            _ = try store.apply(change)
            return try store.apply(change)
        }
        guard case .repeated(let message) = second else { throw Unexpected(second) }
        #expect(message.id == MessageID(1))
    }

    @Test("names older than a day are forgotten, younger ones are not")
    func forgetting() throws {
        _ = try home.send("1", from: home.asha, to: home.ben.id, clientID: "old", at: .start)
        _ = try home.send("2", from: home.asha, to: home.ben.id, clientID: "new", at: .start + .microseconds(1))
        try home.store.forgetClientIDs(at: .start + .seconds(86_400))
        #expect(try home.number("SELECT count(*) FROM client_ids") == 1)
        #expect(try home.number("SELECT message_id FROM client_ids") == 2)
    }

    // MARK: - Reading

    private func markRead(by reader: User, from author: User) throws -> Outcome {
        try home.apply(.markRead(.person(author.id), by: reader.id, at: .start))
    }

    @Test("reading is told once, and only of what somebody else wrote")
    func markRead() throws {
        #expect(try markRead(by: home.ben, from: home.asha).isUnchanged)
        let message = try home.sent("1", from: home.asha, to: home.ben)
        #expect(try markRead(by: home.asha, from: home.ben).isUnchanged)
        #expect(try markRead(by: home.ben, from: home.chitra).isUnchanged)

        let outcome = try markRead(by: home.ben, from: home.asha)
        guard case .read(let receipt) = outcome else { throw Unexpected(outcome) }
        #expect(receipt.conversation == message.conversation)
        #expect(receipt.reader == home.ben.id)
        #expect(receipt.authors == [home.asha.id])
        #expect(receipt.others == [home.asha.id])
        #expect(receipt.readAt == .start)
        #expect(try markRead(by: home.ben, from: home.asha).isUnchanged)

        try home.sent("2", from: home.ben, to: home.asha)
        #expect(try markRead(by: home.ben, from: home.asha).isUnchanged)
        try home.sent("3", from: home.asha, to: home.ben)
        #expect(try !markRead(by: home.ben, from: home.asha).isUnchanged)
        #expect(try !markRead(by: home.asha, from: home.ben).isUnchanged)
    }

    // MARK: - The counter

    @Test("the counter keeps its value, and refuses to overflow")
    func counter() throws {
        guard case .counted(.increment(5), 5, .start) = try home.apply(.count(.increment(5), at: .start)),
            case .counted(.decrement(7), -2, .start) = try home.apply(.count(.decrement(7), at: .start))
        else { throw Unexpected("another count") }
        #expect(try home.apply(.count(.decrement(.max), at: .start)).refusal == .counterOverflow)
        #expect(try home.store.counter() == -2)
        try home.store.probe()
        #expect(try home.another().counter() == -2)
        guard case .counted(.reset, 0, .start) = try home.apply(.count(.reset, at: .start)) else {
            throw Unexpected("another count")
        }
        #expect(try home.store.counter() == 0)
    }
}
