import Chat
import Testing

/// What people with a seat for everything hear of an event that they missed.
@Suite struct HearingTests {
    private static let asha = User(id: UserID(1), username: "asha", name: "Asha Rao", college: CollegeID(4))
    private static let talk = ConversationID(3)

    private static func message(from sender: Int64, for recipients: [Int64]) -> Event {
        let user = User(id: UserID(sender), username: "u", name: "U", college: nil)
        return .message(
            Message(
                id: MessageID(7), conversation: talk, sender: user, text: "Hi", sentAt: Timestamp(microseconds: 0),
                for: Recipients(recipients.map { UserID($0) })))
    }

    private static func notification(for audience: Audience) -> Event {
        .notification(
            Notification(
                id: NotificationID(5), audience: audience, content: NotificationContent(title: "T", message: "M"),
                sentAt: Timestamp(microseconds: 0)))
    }

    private static func read(by reader: Int64, authors: [Int64], others: [Int64]) -> Event {
        .read(
            Receipt(
                conversation: talk, reader: UserID(reader), authors: authors.map { UserID($0) },
                others: others.map { UserID($0) }, readAt: Timestamp(microseconds: 0)))
    }

    @Test(
        "a person hears what is for them, and in the room what they are still in",
        arguments: [
            (message(from: 2, for: [1]), [talk], [.joined, .other]), (message(from: 2, for: [1]), [], [.other]),
            (message(from: 1, for: [2]), [talk], [.joined]), (message(from: 1, for: [2]), [], []),
            (message(from: 2, for: [3]), [talk], []), (message(from: 2, for: [1]), [ConversationID(9)], [.other]),
            (read(by: 2, authors: [1], others: [1]), [], [.author]),
            (read(by: 2, authors: [3], others: [1, 3]), [], [.other]),
            (read(by: 1, authors: [2], others: [2]), [talk], []),
            (.typing(TypingSign(writer: UserID(2), readers: [UserID(1)], conversation: talk)), [], [.other]),
            (.typing(TypingSign(writer: UserID(1), readers: [UserID(2)], conversation: talk)), [talk], []),
            (notification(for: .everybody), [], [.other]), (notification(for: .college(CollegeID(4))), [], [.other]),
            (notification(for: .college(CollegeID(5))), [], []), (notification(for: .person(UserID(1))), [], [.other]),
            (notification(for: .person(UserID(2))), [], []), (.counterUsers(3), [], []),
            (.unreadCount(3, of: UserID(1)), [], []), (.removed(UserID(1), from: talk), [talk], []),
        ] as [(Event, Set<ConversationID>, [Role])])
    func roles(_ event: Event, _ joined: Set<ConversationID>, _ roles: [Role]) {
        #expect(event.roles(of: Self.asha, joined: joined) == roles)
    }
}
