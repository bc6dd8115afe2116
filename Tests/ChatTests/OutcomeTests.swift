import Chat
import Testing

@Suite struct OutcomeTests {
    private static let asha = User(id: UserID(1), username: "asha", name: "Asha Rao", college: nil)
    private static let ben = UserID(2)
    private static let chitra = UserID(3)
    private static let now = Timestamp(microseconds: 0)
    private static let message = Message(
        id: MessageID(7), conversation: ConversationID(3), sender: asha, text: "Hello", sentAt: now, for: [ben, chitra])
    private static let notification = Notification(
        id: NotificationID(501), audience: .everybody, content: NotificationContent(title: "T", message: "M"),
        sentAt: now)

    private static let notice = Notice(
        id: NoticeID(42), title: "T", content: "", college: nil, createdAt: now, publishedAt: now)
    private static let receipt = Receipt(
        conversation: ConversationID(3), reader: ben, authors: [asha.id], others: [asha.id, chitra], readAt: now)

    @Test(
        "the sender of a stored message is told its id, and whether anybody of its recipients is there",
        arguments: [([], false), ([ben], true), ([chitra], true), ([ben, chitra], true), ([asha.id], false)]
            as [([UserID], Bool)])
    func presence(_ present: [UserID], _ expected: Bool) throws {
        let outcome = Outcome.stored(Self.message)
        let answer = Chat.answer(to: outcome) { present.contains($0) }
        guard case .stored(MessageID(7), expected) = answer else { throw Unexpected(answer) }
    }

    @Test("a repeat is answered with the first message")
    func repeated() throws {
        let answer = Chat.answer(to: .repeated(Self.message)) { _ in false }
        guard case .repeated(let message) = answer else { throw Unexpected(answer) }
        #expect(message.id == Self.message.id)
        #expect(message.text == "Hello")
    }

    @Test("who starts a conversation is told which it is, a new one or not", arguments: [true, false])
    func started(_ isNew: Bool) throws {
        let conversation = Conversation(id: ConversationID(3), participants: [Self.asha])
        let answer = Chat.answer(to: .started(conversation, isNew: isNew)) { _ in false }
        guard case .started(let told) = answer else { throw Unexpected(answer) }
        #expect(told.id == ConversationID(3))
        #expect(told.participants.map(\.id) == [Self.asha.id])
    }

    @Test("a refusal is passed on", arguments: [.unknownRecipient, .unknownConversation, .tooFast] as [Refusal])
    func refusal(_ refusal: Refusal) throws {
        let answer = Chat.answer(to: .refused(refusal)) { _ in true }
        guard case .refused(refusal) = answer else { throw Unexpected(answer) }
    }

    @Test(
        "other outcomes are done, and there is nothing to say",
        arguments: [
            .read(receipt), .notified(notification), .notificationRead(by: ben, unread: 2),
            .counted(.reset, total: 0, at: now), .notifiedBefore(notification),
            .notice(notice, announced: notification),
            .unchanged,
        ] as [Outcome])
    func done(_ outcome: Outcome) throws {
        let answer = Chat.answer(to: outcome) { _ in false }
        guard case .done = answer else { throw Unexpected(answer) }
    }

    @Test("what happened is heard of")
    func events() throws {
        let events = [
            Event(.stored(Self.message)),
            Event(.read(Self.receipt)),
            Event(.notified(Self.notification)),
            Event(.notificationRead(by: Self.ben, unread: 2)),
            Event(.counted(.increment(5), total: 9, at: Self.now)),
            Event(.notice(Self.notice, announced: Self.notification)),
        ]
        guard case .message(let stored) = events[0] else { throw Unexpected(events[0] as Any) }
        #expect(stored.id == Self.message.id)
        #expect(stored.recipients == [Self.ben, Self.chitra])
        guard case .read(let receipt) = events[1] else { throw Unexpected(events[1] as Any) }
        #expect(receipt.conversation == ConversationID(3))
        #expect(receipt.reader == Self.ben)
        #expect(receipt.authors == [Self.asha.id])
        #expect(receipt.others == [Self.asha.id, Self.chitra])
        guard case .notification(let notification) = events[2] else { throw Unexpected(events[2] as Any) }
        #expect(notification.id == Self.notification.id)
        guard case .unreadCount(let count, let person) = events[3] else { throw Unexpected(events[3] as Any) }
        #expect(count == 2)
        #expect(person == Self.ben)
        guard case .counter(let action, let total, _) = events[4] else { throw Unexpected(events[4] as Any) }
        #expect(action == .increment(5))
        #expect(total == 9)
        guard case .notification(let announcement) = events[5] else { throw Unexpected(events[5] as Any) }
        #expect(announcement.id == Self.notification.id)
    }

    @Test(
        "nobody else hears of what made no difference, or of a conversation without a message",
        arguments: [
            .repeated(message), .unchanged, .refused(.tooFast), .notifiedBefore(notification),
            .notice(notice, announced: nil),
            .started(Conversation(id: ConversationID(3), participants: [asha]), isNew: true),
        ] as [Outcome])
    func noEvent(_ outcome: Outcome) {
        #expect(Event(outcome) == nil)
    }
}
