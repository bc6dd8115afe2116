import Chat
import Testing

@Suite struct OutcomeTests {
    private static let asha = User(id: UserID(1), username: "asha", name: "Asha Rao", college: nil)
    private static let ben = UserID(2)
    private static let now = Timestamp(microseconds: 0)
    private static let message = Message(
        id: MessageID(7), conversation: ConversationID(3), sender: asha, text: "Hello", sentAt: now)
    private static let notification = Notification(
        id: NotificationID(501), audience: .everybody, content: NotificationContent(title: "T", message: "M"),
        sentAt: now)

    @Test("the sender of a stored message is told its id, and whether anybody of its recipients is there")
    func offline() {
        let outcome = Outcome.stored(Self.message, for: [Self.ben])
        #expect(Chat.answer(to: outcome) { _ in false } == .stored(MessageID(7), isRecipientPresent: false))
        #expect(Chat.answer(to: outcome) { $0 == Self.ben } == .stored(MessageID(7), isRecipientPresent: true))
    }

    @Test("a repeat is answered with the first id")
    func repeated() {
        let answer = Chat.answer(to: .repeated(MessageID(7))) { _ in false }
        #expect(answer == .stored(MessageID(7), isRecipientPresent: true))
    }

    @Test("a refusal is passed on")
    func refusal() {
        #expect(Chat.answer(to: .refused(.unknownRecipient)) { _ in true } == .refused(.unknownRecipient))
    }

    @Test(
        "other outcomes are not answered",
        arguments: [
            .read(ConversationID(3), by: ben, author: asha.id, at: now),
            .notified(notification), .notificationRead(by: ben, unread: 2), .counted(.reset, total: 0, at: now),
            .unchanged,
        ] as [Outcome])
    func silence(_ outcome: Outcome) {
        #expect(Chat.answer(to: outcome) { _ in false } == nil)
    }

    @Test("what happened is heard of")
    func events() throws {
        let events = [
            Event(.stored(Self.message, for: [Self.ben])),
            Event(.read(ConversationID(3), by: Self.ben, author: Self.asha.id, at: Self.now)),
            Event(.notified(Self.notification)),
            Event(.notificationRead(by: Self.ben, unread: 2)),
            Event(.counted(.increment(5), total: 9, at: Self.now)),
        ]
        guard case .message(let message, let recipients) = events[0] else { throw Unexpected(events[0] as Any) }
        #expect(message.id == Self.message.id)
        #expect(recipients == [Self.ben])
        guard case .read(let conversation, let reader, let author, _) = events[1] else {
            throw Unexpected(events[1] as Any)
        }
        #expect(conversation == ConversationID(3))
        #expect(reader == Self.ben)
        #expect(author == Self.asha.id)
        guard case .notification(let notification) = events[2] else { throw Unexpected(events[2] as Any) }
        #expect(notification.id == Self.notification.id)
        guard case .unreadCount(let count, let person) = events[3] else { throw Unexpected(events[3] as Any) }
        #expect(count == 2)
        #expect(person == Self.ben)
        guard case .counter(let action, let total, _) = events[4] else { throw Unexpected(events[4] as Any) }
        #expect(action == .increment(5))
        #expect(total == 9)
    }

    @Test(
        "nobody hears of what made no difference",
        arguments: [.repeated(MessageID(7)), .unchanged, .refused(.tooFast)] as [Outcome])
    func noEvent(_ outcome: Outcome) {
        #expect(Event(outcome) == nil)
    }
}
