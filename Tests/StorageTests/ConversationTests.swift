import Chat
import Storage
import Testing

@Suite(.onEachStore) struct ConversationTests {
    private let home: TemporaryStore
    private var conversations: Conversations { home.store.conversations }

    init() throws { home = try TemporaryStore() }

    // MARK: - Two people

    @Test("two people have one conversation, whoever starts it and however often")
    func direct() throws {
        let first = try home.apply(.startConversation(by: home.ben, with: home.asha.id, at: .start))
        guard case .started(let conversation, isNew: true) = first else { throw Unexpected(first) }
        #expect(!conversation.isGroup)
        #expect(conversation.title == nil)
        #expect(conversation.participants.map(\.username) == ["asha", "ben"])
        for (user, other) in [(home.ben, home.asha), (home.asha, home.ben)] {
            let again = try home.apply(.startConversation(by: user, with: other.id, at: .start))
            guard case .started(let same, isNew: false) = again else { throw Unexpected(again) }
            #expect(same.id == conversation.id)
            #expect(same.participants.map(\.username) == ["asha", "ben"])
        }
        #expect(try home.sent("Hello", from: home.asha, to: home.ben).conversation == conversation.id)
        #expect(try home.number("SELECT count(*) FROM conversations") == 1)
    }

    @Test("a first message starts the conversation too")
    func startedByMessage() throws {
        let message = try home.sent("Hello", from: home.asha, to: home.ben)
        #expect(try home.started(by: home.ben, with: home.asha).id == message.conversation)
    }

    @Test("it is the same after a restart, and one of many")
    func restart() throws {
        let conversation = try home.started(by: home.asha, with: home.ben)
        let other = try home.started(by: home.asha, with: home.chitra)
        #expect(other.id != conversation.id)
        let (store, ben, asha) = (try home.another(), home.ben, home.asha.id)
        let outcome = try store.transaction { () throws(StoreError) in
            try store.apply(.startConversation(by: ben, with: asha, at: .start))
        }
        guard case .started(let same, isNew: false) = outcome else { throw Unexpected(outcome) }
        #expect(same.id == conversation.id)
    }

    @Test("nobody starts a conversation with somebody who does not exist")
    func unknownPerson() throws {
        let outcome = try home.apply(.startConversation(by: home.asha, with: UserID(99), at: .start))
        #expect(outcome.refusal == .unknownRecipient)
        #expect(try home.number("SELECT (SELECT count(*) FROM conversations) + (SELECT count(*) FROM members)") == 0)
    }

    // MARK: - Groups

    @Test("a group has its people by id, each once, and its title", arguments: ["Team \u{1F600}", nil] as [String?])
    func group(_ title: String?) throws {
        let made = try home.group(home.chitra, home.asha, home.chitra, title: title)
        for group in [made, try #require(try conversations.conversation(made.id, of: home.asha.id))] {
            #expect(group.id == made.id)
            #expect(group.isGroup)
            #expect(group.title == title)
            #expect(group.participants.map(\.username) == ["asha", "chitra"])
        }
        #expect(try home.started(by: home.asha, with: home.chitra).id != made.id)
    }

    @Test("a group with somebody who does not exist is not made")
    func groupOfUnknown() throws {
        let (store, people) = (home.store, [home.asha.id, UserID(99)])
        let group = try store.transaction { () throws(StoreError) in
            try store.startGroup(of: people, title: nil, at: .start)
        }
        #expect(group == nil)
        #expect(try home.number("SELECT count(*) FROM conversations") == 0)
    }

    @Test("what one says in a group is for all others in it")
    func saying() throws {
        let group = try home.group(home.asha, home.ben, home.chitra)
        let change = Change.send(Draft(text: "Hello"), from: home.ben, to: .conversation(group.id), at: .start)
        let outcome = try home.apply(change)
        guard case .stored(let stored) = outcome else { throw Unexpected(outcome) }
        #expect(stored.conversation == group.id)
        #expect(stored.recipients == [home.asha.id, home.chitra.id])
    }

    @Test("for somebody else a conversation does not exist", arguments: [false, true])
    func foreign(_ isGroup: Bool) throws {
        let conversation =
            try isGroup ? home.group(home.asha, home.ben) : home.started(by: home.asha, with: home.ben)
        for id in [conversation.id, ConversationID(99)] {
            let changes: [Change] = [
                .send(Draft(text: "Hello"), from: home.chitra, to: .conversation(id), at: .start),
                .markRead(.conversation(id), by: home.chitra.id, at: .start),
            ]
            for change in changes { #expect(try home.apply(change).refusal == .unknownConversation) }
            #expect(try conversations.conversation(id, of: home.chitra.id) == nil)
            #expect(try !conversations.isMember(home.chitra.id, of: id))
        }
        #expect(try conversations.isMember(home.ben.id, of: conversation.id))
        #expect(try conversations.list(of: home.chitra.id, behind: nil, limit: 10).isEmpty)
        #expect(try home.number("SELECT count(*) FROM messages") == 0)
    }

    // MARK: - Coming and going

    @Test("who is added later reads all of the history, and has missed nothing of it")
    func adding() throws {
        let group = try home.group(home.asha, home.ben)
        try home.said("before", by: home.asha, in: group.id)
        try home.add(home.chitra, to: group)
        #expect(try conversations.messages(of: group.id, before: nil, limit: 10).map(\.text) == ["before"])
        #expect(try home.store.waiting(for: home.chitra.id).messages.isEmpty)
        #expect(try unread(group, by: home.chitra) == 0)
        #expect(try home.apply(.markRead(.conversation(group.id), by: home.chitra.id, at: .start)).isUnchanged)
        try home.said("after", by: home.ben, in: group.id)
        #expect(try home.store.waiting(for: home.chitra.id).messages.map(\.text) == ["after"])
        #expect(try home.store.waiting(for: home.asha.id).messages.map(\.text) == ["after"])
        #expect(try unread(group, by: home.chitra) == 1)
    }

    @Test("who is added hears what is said next, even where others had spoken just before")
    func addingIsKnown() throws {
        let group = try home.group(home.asha, home.ben)
        #expect(try recipients(of: group, from: home.asha) == [home.ben.id])
        try home.add(home.chitra, to: group)
        #expect(try recipients(of: group, from: home.asha) == [home.ben.id, home.chitra.id])
        #expect(
            try conversations.conversation(group.id, of: home.chitra.id)?.participants.map(\.username)
                == ["asha", "ben", "chitra"])
    }

    @Test("to add somebody who is in already changes nothing")
    func addingAgain() throws {
        let group = try home.group(home.asha, home.ben)
        try home.said("Hello", by: home.asha, in: group.id)
        try home.add(home.ben, to: group)
        #expect(try unread(group, by: home.ben) == 1)
        #expect(try home.store.waiting(for: home.ben.id).messages.count == 1)
    }

    @Test("who was removed is a stranger, and what they wrote stays")
    func removal() throws {
        let group = try home.group(home.asha, home.ben, home.chitra)
        try home.said("mine", by: home.chitra, in: group.id)
        try home.said("missed", by: home.asha, in: group.id)
        try home.remove(home.chitra, from: group)
        #expect(try recipients(of: group, from: home.asha) == [home.ben.id])
        let change = Change.send(Draft(text: "x"), from: home.chitra, to: .conversation(group.id), at: .start)
        #expect(try home.apply(change).refusal == .unknownConversation)
        #expect(try conversations.conversation(group.id, of: home.chitra.id) == nil)
        #expect(try home.store.waiting(for: home.chitra.id).messages.isEmpty)
        #expect(try conversations.list(of: home.chitra.id, behind: nil, limit: 10).isEmpty)
        #expect(
            try conversations.messages(of: group.id, before: nil, limit: 2).map(\.text) == ["missed", "Hello"])
        #expect(try conversations.messages(of: group.id, before: nil, limit: 9).first?.sender.id == home.chitra.id)

        try home.add(home.chitra, to: group)
        #expect(try home.store.waiting(for: home.chitra.id).messages.isEmpty)
        #expect(try unread(group, by: home.chitra) == 0)
    }

    @Test("a group stays one when two are left in it, or one")
    func leftovers() throws {
        let group = try home.group(home.asha, home.ben, home.chitra)
        try home.remove(home.chitra, from: group)
        #expect(try conversations.conversation(group.id, of: home.asha.id)?.isGroup == true)
        #expect(try home.started(by: home.asha, with: home.ben).id != group.id)
        try home.remove(home.ben, from: group)
        #expect(try recipients(of: group, from: home.asha) == [])
    }

    @Test("a transaction that throws leaves nobody in a group, and the group as it was")
    func failure() throws {
        let group = try home.group(home.asha, home.ben)
        #expect(try recipients(of: group, from: home.asha) == [home.ben.id])
        let (store, asha, chitra) = (home.store, home.asha, home.chitra)
        #expect(throws: StoreError.self) {
            try store.transaction { () throws(StoreError) in
                try store.add([chitra.id], to: group.id)
                _ = try store.apply(.send(Draft(text: "x"), from: asha, to: .conversation(group.id), at: .start))
                // The name is taken.
                _ = try store.accounts.add(username: "asha", name: "", college: nil, password: nil, at: .start)
            }
        }
        #expect(try recipients(of: group, from: home.asha) == [home.ben.id])
    }

    private func unread(_ conversation: Conversation, by user: User) throws -> Int {
        try conversations.summary(of: conversation, for: user.id).unreadCount
    }

    private func recipients(of group: Conversation, from sender: User) throws -> [UserID] {
        let change = Change.send(Draft(text: "Hello"), from: sender, to: .conversation(group.id), at: .start)
        let outcome = try home.apply(change)
        guard case .stored(let stored) = outcome else { throw Unexpected(outcome) }
        return Array(stored.recipients)
    }

    // MARK: - Typing

    @Test("who types for a person is heard by that person, in their conversation if there is one")
    func typingToOne() throws {
        func sign(_ reader: UserID) throws -> Result<TypingSign, Refusal> {
            try conversations.readers(of: .person(reader), writer: home.asha.id)
        }
        let first = try sign(home.ben.id).get()
        #expect(first.writer == home.asha.id)
        #expect(first.readers == [home.ben.id])
        #expect(first.conversation == nil)
        #expect(first.isTyping)
        let conversation = try home.started(by: home.ben, with: home.asha)
        #expect(try sign(home.ben.id).get().conversation == conversation.id)
        #expect(throws: Refusal.unknownRecipient) { try sign(UserID(99)).get() }
    }

    @Test("who types in a conversation is heard by the others in it; a stranger is not")
    func typingToMany() throws {
        let group = try home.group(home.asha, home.ben)
        func sign(_ writer: User, _ id: ConversationID) throws -> Result<TypingSign, Refusal> {
            try conversations.readers(of: .conversation(id), writer: writer.id)
        }
        let heard = try sign(home.ben, group.id).get()
        #expect(heard.writer == home.ben.id)
        #expect(heard.readers == [home.asha.id])
        #expect(heard.conversation == group.id)
        #expect(throws: Refusal.unknownConversation) { try sign(home.chitra, group.id).get() }
        #expect(throws: Refusal.unknownConversation) { try sign(home.ben, ConversationID(99)).get() }
    }
}
