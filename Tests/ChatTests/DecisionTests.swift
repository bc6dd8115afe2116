import Chat
import Testing

import struct Chat.Attachment

@Suite struct DecisionTests {
    private static let asha = User(id: UserID(1), username: "asha", name: "Asha Rao", college: nil)
    private static let ben = UserID(2)
    private static let chat = Seat.chat(asha, backlog: .wanted)
    private static let now = Timestamp(microseconds: 1_767_702_600_000_000)

    private let chat = Chat(limits: Chat.Limits())

    private func decide(_ command: Command, from seat: Seat) -> Chat.Decision {
        chat.decide(command, from: seat, at: Self.now)
    }

    private func refusal(_ decision: Chat.Decision) -> Refusal? {
        if case .refuse(let refusal) = decision { refusal } else { nil }
    }

    // MARK: - Who may say what

    enum Verdict { case store, publish, type, look, leave, refuse }

    private static let commands: [String: Command] = [
        "send": .send(Draft(text: "Hello"), to: .person(ben)), "markRead": .markRead(.person(ben)),
        "typing": .typing(.person(ben), isTyping: true), "startConversation": .startConversation(with: ben),
        "look": .look(.conversations),
        "look at messages": .look(.messages(of: ConversationID(3), before: nil, limit: nil)),
        "readNotification": .readNotification(NotificationID(501)), "say": .say(text: "Hello", username: "john_doe"),
        "count": .count(.increment(1)),
        "join": .join(ConversationID(3)), "leave": .leave(ConversationID(3)),
    ]
    private static let seats: [String: Seat] = [
        "chat": chat, "person": .person(asha), "own notifications": .notifications(asha),
        "notifications": .notifications(nil),
        "room": .room(RoomName("general")!), "counter": .counter,
    ]
    private static let allowed: [[String]: Verdict] = [
        ["readNotification", "own notifications"]: .store, ["say", "room"]: .publish, ["count", "counter"]: .store,
    ].merging(ofPeople.flatMap { [(["\($0)", "chat"], $1), (["\($0)", "person"], $1)] }) { $1 }
    private static let ofPeople: [String: Verdict] = [
        "send": .store, "markRead": .store, "typing": .type, "startConversation": .store, "look": .look,
        "look at messages": .look, "join": .store, "leave": .leave,
    ]

    @Test("a seat takes the commands of its own kind only", arguments: commands.keys.sorted(), seats.keys.sorted())
    func pairs(_ command: String, _ seat: String) throws {
        let decision = decide(try #require(Self.commands[command]), from: try #require(Self.seats[seat]))
        let verdict: Verdict =
            switch decision {
            case .store: .store
            case .publish: .publish
            case .type: .type
            case .look: .look
            case .leave: .leave
            case .refuse: .refuse
            }
        #expect(verdict == Self.allowed[[command, seat]] ?? .refuse)
        #expect((refusal(decision) == .unknownFormat) == (verdict == .refuse))
    }

    // MARK: - What becomes of it

    @Test(
        "a message is stored from the seat's person, at the given time, wherever it goes",
        arguments: [.person(ben), .conversation(ConversationID(3))] as [Destination],
        [.wanted, .unneeded, .undecided] as [Seat.BacklogRule])
    func send(_ destination: Destination, _ rule: Seat.BacklogRule) throws {
        let draft = Draft(text: "Hello", attachment: Attachment("https://a/b"), clientID: ClientID("c-1"))
        let decision = decide(.send(draft, to: destination), from: .chat(Self.asha, backlog: rule))
        guard case .store(.send(let stored, let sender, let to, let time)) = decision else {
            throw Unexpected(decision)
        }
        #expect(sender === Self.asha)
        #expect(to == destination)
        #expect(stored.text == "Hello")
        #expect(stored.attachment == Attachment("https://a/b"))
        #expect(stored.clientID == ClientID("c-1"))
        #expect(time == Self.now)
    }

    @Test("reading, likewise", arguments: [.person(ben), .conversation(ConversationID(3))] as [Destination])
    func markRead(_ destination: Destination) throws {
        let decision = decide(.markRead(destination), from: Self.chat)
        guard case .store(.markRead(let read, let reader, let time)) = decision else { throw Unexpected(decision) }
        #expect(read == destination)
        #expect(reader == Self.asha.id)
        #expect(time == Self.now)
    }

    @Test(
        "typing that starts and stops is told to whoever is there",
        arguments: [.person(ben), .conversation(ConversationID(3))] as [Destination], [true, false])
    func typing(_ destination: Destination, _ isTyping: Bool) throws {
        let decision = decide(.typing(destination, isTyping: isTyping), from: Self.chat)
        guard case .type(destination, isTyping, let writer, nil) = decision else { throw Unexpected(decision) }
        #expect(writer === Self.asha)
    }

    @Test("a conversation is started by the seat's person")
    func startConversation() throws {
        let decision = decide(.startConversation(with: Self.ben), from: Self.chat)
        guard case .store(.startConversation(let user, let other, let time)) = decision else {
            throw Unexpected(decision)
        }
        #expect(user === Self.asha)
        #expect(other == Self.ben)
        #expect(time == Self.now)
    }

    @Test("people and conversations are looked up as the seat's person")
    func look() throws {
        let people = decide(.look(.people(keyword: "jo")), from: Self.chat)
        guard case .look(.people("jo"), let asker) = people else { throw Unexpected(people) }
        #expect(asker === Self.asha)
        let conversations = decide(.look(.conversations), from: Self.chat)
        guard case .look(.conversations, let lister) = conversations else { throw Unexpected(conversations) }
        #expect(lister === Self.asha)
    }

    @Test(
        "history is 10,000 messages at most, and that many where no limit is given",
        arguments: [(nil, 10_000), (1, 1), (9999, 9999), (10_000, 10_000), (10_001, 10_000), (.max, 10_000)]
            as [(Int?, Int)])
    func history(_ asked: Int?, _ given: Int) throws {
        let query = Query.messages(of: ConversationID(3), before: MessageID(7), limit: asked)
        let decision = decide(.look(query), from: Self.chat)
        guard case .look(.messages(ConversationID(3), MessageID(7), let limit), let reader) = decision else {
            throw Unexpected(decision)
        }
        #expect(limit == given)
        #expect(reader === Self.asha)
    }

    @Test("a notification is read by the seat's person")
    func readNotification() throws {
        let decision = decide(.readNotification(NotificationID(501)), from: .notifications(Self.asha))
        guard case .store(.readNotification(let id, let reader, let time)) = decision else {
            throw Unexpected(decision)
        }
        #expect(id == NotificationID(501))
        #expect(reader == Self.asha.id)
        #expect(time == Self.now)
    }

    @Test("what is said in a room is heard by all of it, the speaker included")
    func say() throws {
        let decision = decide(.say(text: "Hello", username: "john_doe"), from: .room(RoomName("general")!))
        guard case .publish(.room(let room, .said(let text, let username, let time), let exception)) = decision else {
            throw Unexpected(decision)
        }
        #expect(room.text == "general")
        #expect(text == "Hello")
        #expect(username == "john_doe")
        #expect(time == Self.now)
        #expect(exception == nil)
    }

    @Test("counting is stored", arguments: [.increment(5), .decrement(1), .reset] as [CounterAction])
    func count(_ action: CounterAction) throws {
        let decision = decide(.count(action), from: .counter)
        guard case .store(.count(let stored, key: nil, let time)) = decision else { throw Unexpected(decision) }
        #expect(stored == action)
        #expect(time == Self.now)
    }

    // MARK: - Limits

    @Test(
        "nobody writes to themselves, or starts a conversation with themselves",
        arguments: [.send(Draft(text: "Hello"), to: .person(asha.id)), .startConversation(with: asha.id)] as [Command])
    func oneself(_ command: Command) {
        #expect(refusal(decide(command, from: Self.chat)) == .recipientIsSender)
    }

    @Test(
        "a message has at most 16,384 bytes, to a person or into a conversation",
        arguments: [
            ("x", 16_384, nil), ("x", 16_385, .textTooLong), ("\u{1F600}", 4096, nil),
            ("\u{1F600}", 4097, .textTooLong),
        ]
            as [(String, Int, Refusal?)])
    func directText(_ letter: String, _ count: Int, _ expected: Refusal?) {
        let text = String(repeating: letter, count: count)
        for destination in [.person(Self.ben), .conversation(ConversationID(3))] as [Destination] {
            #expect(refusal(decide(.send(Draft(text: text), to: destination), from: Self.chat)) == expected)
        }
    }

    @Test(
        "a room message has at most 1,000 scalars, however many bytes or letters they are",
        arguments: [
            ("x", 1000, nil), ("x", 1001, .textTooLong), ("\u{1F600}", 1000, nil), ("\u{1F600}", 1001, .textTooLong),
            ("e\u{301}", 500, nil), ("e\u{301}", 501, .textTooLong),
        ] as [(String, Int, Refusal?)])
    func roomText(_ letter: String, _ count: Int, _ expected: Refusal?) {
        let text = String(repeating: letter, count: count)
        #expect(refusal(decide(.say(text: text, username: "A"), from: .room(RoomName("general")!))) == expected)
    }

    @Test(
        "a speaker's name has at most 600 bytes", arguments: [(600, nil), (601, .unknownFormat)] as [(Int, Refusal?)])
    func roomUsername(_ count: Int, _ expected: Refusal?) {
        let name = String(repeating: "x", count: count)
        #expect(refusal(decide(.say(text: "Hello", username: name), from: .room(RoomName("general")!))) == expected)
    }

    @Test("limits can be set")
    func limits() throws {
        var limits = Chat.Limits()
        limits.text = 3
        limits.roomText = 2
        limits.roomUsername = 1
        limits.history = 2
        let strict = Chat(limits: limits)
        let room = Seat.room(RoomName("general")!)
        let decisions = [
            strict.decide(
                .send(Draft(text: "1234"), to: .person(Self.ben)), from: Self.chat, at: Self.now),
            strict.decide(.say(text: "123", username: "A"), from: room, at: Self.now),
            strict.decide(.say(text: "12", username: "AB"), from: room, at: Self.now),
            strict.decide(.say(text: "12", username: "A"), from: room, at: Self.now),
        ]
        #expect(decisions.map(refusal) == [.textTooLong, .textTooLong, .unknownFormat, nil])
        let history = Query.messages(of: ConversationID(3), before: nil, limit: nil)
        let decision = strict.decide(.look(history), from: Self.chat, at: Self.now)
        guard case .look(.messages(_, nil, limit: 2), _) = decision else { throw Unexpected(decision) }
    }
}

/// A decision or an event of another kind than a test asks for.
struct Unexpected: Error {
    let value: String

    init(_ value: some Any) { self.value = "\(value)" }
}
