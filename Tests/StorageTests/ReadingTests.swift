import Chat
import Storage
import Testing

@Suite(.onEachStore) struct ReadingTests {
    private let home: TemporaryStore

    init() throws { home = try TemporaryStore() }

    private func read(_ group: Conversation, by reader: User) throws -> Outcome {
        try home.apply(.markRead(.conversation(group.id), by: reader.id, at: .start))
    }

    private func receipt(_ group: Conversation, by reader: User) throws -> Receipt {
        let outcome = try read(group, by: reader)
        guard case .read(let receipt) = outcome else { throw Unexpected(outcome) }
        return receipt
    }

    private func unread(_ conversation: Conversation, by user: User) throws -> Int {
        try home.store.conversations.summary(of: conversation, for: user.id).unreadCount
    }

    @Test("in a group, a receipt names all others, and those who wrote something that had not been read")
    func authors() throws {
        let dev = try home.added("dev")
        let group = try home.group(home.asha, home.ben, home.chitra, dev)
        #expect(try read(group, by: home.asha).isUnchanged)
        try home.said("1", by: home.ben, in: group.id)
        try home.said("2", by: home.chitra, in: group.id)
        try home.said("3", by: home.ben, in: group.id)
        try home.said("4", by: home.asha, in: group.id)

        let first = try receipt(group, by: home.asha)
        #expect(first.conversation == group.id)
        #expect(first.reader == home.asha.id)
        #expect(first.authors.sorted() == [home.ben.id, home.chitra.id])
        #expect(first.others == [home.ben.id, home.chitra.id, dev.id])
        #expect(first.readAt == .start)
        #expect(try read(group, by: home.asha).isUnchanged)

        try home.said("5", by: dev, in: group.id)
        #expect(try receipt(group, by: home.asha).authors == [dev.id])
        #expect(try receipt(group, by: home.ben).authors.sorted() == [home.asha.id, home.chitra.id, dev.id])
    }

    @Test("where one other is left in a group, they are no author of what somebody wrote who has left")
    func authorHasLeft() throws {
        let group = try home.group(home.asha, home.ben, home.chitra)
        try home.said("1", by: home.chitra, in: group.id)
        try home.remove(home.chitra, from: group)
        let receipt = try receipt(group, by: home.asha)
        #expect(receipt.others == [home.ben.id])
        #expect(!receipt.authors.contains(home.ben.id))
    }

    @Test("what one wrote oneself needs no reading")
    func own() throws {
        let group = try home.group(home.asha, home.ben, home.chitra)
        try home.said("1", by: home.asha, in: group.id)
        #expect(try read(group, by: home.asha).isUnchanged)
        #expect(try unread(group, by: home.asha) == 0)
    }

    @Test("the conversation of two people is read by its id as by the other person")
    func direct() throws {
        let conversation = try home.started(by: home.asha, with: home.ben)
        try home.sent("1", from: home.asha, to: home.ben)
        #expect(try unread(conversation, by: home.ben) == 1)
        let receipt = try receipt(conversation, by: home.ben)
        #expect(receipt.authors == [home.asha.id])
        #expect(receipt.others == [home.asha.id])
        #expect(try unread(conversation, by: home.ben) == 0)
        #expect(try home.apply(.markRead(.person(home.asha.id), by: home.ben.id, at: .start)).isUnchanged)
    }

    @Test("nobody has read from themselves, or from somebody whom they never wrote with, or who does not exist")
    func nothing() throws {
        for author in [home.asha.id, home.ben.id] {
            #expect(try home.apply(.markRead(.person(author), by: home.asha.id, at: .start)).isUnchanged)
        }
        let unknown = try home.apply(.markRead(.person(UserID(99)), by: home.asha.id, at: .start))
        #expect(unknown.refusal == .unknownRecipient)
    }

    @Test("unread are the others' messages after the last that was read")
    func unreadCount() throws {
        let group = try home.group(home.asha, home.ben, home.chitra)
        for number in 1...3 { try home.said("\(number)", by: home.ben, in: group.id) }
        try home.said("4", by: home.asha, in: group.id)
        #expect(try [home.asha, home.ben, home.chitra].map { try unread(group, by: $0) } == [3, 1, 4])
        _ = try read(group, by: home.chitra)
        try home.said("5", by: home.asha, in: group.id)
        #expect(try [home.asha, home.ben, home.chitra].map { try unread(group, by: $0) } == [3, 2, 1])
    }

    @Test("unread messages are counted up to 1,000", arguments: [999, 1000, 1001, 1500])
    func unreadLimit(_ count: Int) throws {
        let group = try home.group(home.asha, home.ben)
        try home.say(count, by: home.asha, in: group.id)
        #expect(try unread(group, by: home.ben) == min(count, 1000))
        #expect(try unread(group, by: home.asha) == 0)
    }

    @Test("a summary has the newest message, whoever wrote it, or none")
    func lastMessage() throws {
        let group = try home.group(home.asha, home.ben)
        let empty = try home.store.conversations.summary(of: group, for: home.asha.id)
        #expect(empty.lastMessage == nil)
        #expect(empty.unreadCount == 0)
        try home.said("1", by: home.ben, in: group.id)
        try home.said("2", by: home.asha, in: group.id)
        try home.sent("elsewhere", from: home.ben, to: home.asha)
        let summary = try home.store.conversations.summary(of: group, for: home.asha.id)
        #expect(summary.conversation.id == group.id)
        #expect(summary.lastMessage?.text == "2")
        #expect(summary.lastMessage?.sender.username == "asha")
        #expect(summary.unreadCount == 1)
    }
}
