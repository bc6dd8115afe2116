import Chat
import Testing

@Suite struct DecisionTests {
    private static let asha = User(id: UserID(1), username: "asha", name: "Asha Rao", college: nil)
    private static let ben = UserID(2)
    private static let now = Timestamp(microseconds: 1_767_702_600_000_000)

    private let chat = Chat(limits: Chat.Limits())

    private func decide(_ command: Command, from seat: Seat) -> Chat.Decision {
        chat.decide(command, from: seat, at: Self.now)
    }

    private func refusal(_ decision: Chat.Decision) -> Refusal? {
        if case .refuse(let refusal) = decision { refusal } else { nil }
    }

    // MARK: - Who may say what

    enum Verdict { case store, publish, refuse }

    private static let commands: [String: Command] = [
        "sendDirect": .sendDirect(to: ben, text: "Hello", clientID: nil), "markRead": .markRead(from: ben),
        "typing": .typing(to: ben), "readNotification": .readNotification(NotificationID(501)),
        "say": .say(text: "Hello", username: "john_doe"), "count": .count(.increment(1)),
    ]
    private static let seats: [String: Seat] = [
        "chat": .chat(asha, wantsBacklog: true), "own notifications": .notifications(asha),
        "notifications": .notifications(nil), "room": .room(RoomName("general")!), "counter": .counter,
    ]
    private static let allowed: [[String]: Verdict] = [
        ["sendDirect", "chat"]: .store, ["markRead", "chat"]: .store, ["typing", "chat"]: .publish,
        ["readNotification", "own notifications"]: .store, ["say", "room"]: .publish, ["count", "counter"]: .store,
    ]

    @Test("a seat takes the commands of its own kind only", arguments: commands.keys.sorted(), seats.keys.sorted())
    func pairs(_ command: String, _ seat: String) throws {
        let decision = decide(try #require(Self.commands[command]), from: try #require(Self.seats[seat]))
        let verdict: Verdict =
            switch decision {
            case .store: .store
            case .publish: .publish
            case .refuse: .refuse
            }
        #expect(verdict == Self.allowed[[command, seat]] ?? .refuse)
        #expect((refusal(decision) == .unknownFormat) == (verdict == .refuse))
    }

    // MARK: - What becomes of it

    @Test("a direct message is stored from the seat's person, at the given time")
    func sendDirect() throws {
        let command = Command.sendDirect(to: Self.ben, text: "Hello", clientID: ClientID("c-1"))
        let decision = decide(command, from: .chat(Self.asha, wantsBacklog: true))
        guard case .store(.sendDirect(let sender, let recipient, let text, nil, let clientID, let time)) = decision
        else {
            throw Unexpected(decision)
        }
        #expect(sender === Self.asha)
        #expect(recipient == Self.ben)
        #expect(text == "Hello")
        #expect(clientID == ClientID("c-1"))
        #expect(time == Self.now)
    }

    @Test("reading, likewise")
    func markRead() throws {
        let decision = decide(.markRead(from: Self.ben), from: .chat(Self.asha, wantsBacklog: false))
        guard case .store(.markRead(let reader, let author, let time)) = decision else { throw Unexpected(decision) }
        #expect(reader == Self.asha.id)
        #expect(author == Self.ben)
        #expect(time == Self.now)
    }

    @Test("typing is heard by the recipient")
    func typing() throws {
        let decision = decide(.typing(to: Self.ben), from: .chat(Self.asha, wantsBacklog: true))
        guard case .publish(.typing(let writer, let recipient)) = decision else { throw Unexpected(decision) }
        #expect(writer == Self.asha.id)
        #expect(recipient == Self.ben)
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
        guard case .store(.count(let stored, let time)) = decision else { throw Unexpected(decision) }
        #expect(stored == action)
        #expect(time == Self.now)
    }

    // MARK: - Limits

    @Test("nobody writes to themselves")
    func oneself() {
        let decision = decide(
            .sendDirect(to: Self.asha.id, text: "Hello", clientID: nil), from: .chat(Self.asha, wantsBacklog: true))
        #expect(refusal(decision) == .recipientIsSender)
    }

    @Test(
        "a direct message has at most 16,384 bytes",
        arguments: [
            ("x", 16_384, nil), ("x", 16_385, .textTooLong), ("\u{1F600}", 4096, nil),
            ("\u{1F600}", 4097, .textTooLong),
        ]
            as [(String, Int, Refusal?)])
    func directText(_ letter: String, _ count: Int, _ expected: Refusal?) {
        let text = String(repeating: letter, count: count)
        let decision = decide(
            .sendDirect(to: Self.ben, text: text, clientID: nil), from: .chat(Self.asha, wantsBacklog: true))
        #expect(refusal(decision) == expected)
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
    func limits() {
        var limits = Chat.Limits()
        limits.text = 3
        limits.roomText = 2
        limits.roomUsername = 1
        let strict = Chat(limits: limits)
        let room = Seat.room(RoomName("general")!)
        let decisions = [
            strict.decide(
                .sendDirect(to: Self.ben, text: "1234", clientID: nil), from: .chat(Self.asha, wantsBacklog: true),
                at: Self.now),
            strict.decide(.say(text: "123", username: "A"), from: room, at: Self.now),
            strict.decide(.say(text: "12", username: "AB"), from: room, at: Self.now),
            strict.decide(.say(text: "12", username: "A"), from: room, at: Self.now),
        ]
        #expect(decisions.map(refusal) == [.textTooLong, .textTooLong, .unknownFormat, nil])
    }
}

/// A decision or an event of another kind than a test asks for.
struct Unexpected: Error {
    let value: String

    init(_ value: some Any) { self.value = "\(value)" }
}
