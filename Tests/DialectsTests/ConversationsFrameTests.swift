import Chat
import Dialects
import Testing

import struct Chat.Attachment

/// What a client hears by specs/conversations.md, and what INTEROP.md adds to it.
@Suite struct ConversationsFrameTests {
    private let dialect = Conversations.self
    private static let url = "https://a.example/file.pdf"
    private static let alice = User(id: UserID(1), username: "alice", name: "Alice A.", college: nil)
    private static let john = User(id: UserID(45), username: "john_doe", name: "John Doe", college: CollegeID(1))
    private static let smith = User(id: UserID(46), username: "john_smith", name: "J", college: nil)

    private static func stored(
        _ id: Int64, from sender: User = alice, _ text: String = "Hello!", attachment: Attachment? = nil
    ) -> Message {
        // 2025-07-07T12:34:56.789012Z
        Message(
            id: MessageID(id), conversation: ConversationID(123), sender: sender, text: text, attachment: attachment,
            sentAt: Timestamp(microseconds: 1_751_891_696_789_012))
    }

    /// The specification's message 789.
    private static let hello =
        #"{"id":789,"conversation_id":123,"sender":{"id":1,"username":"alice"},"content":"Hello!","#
        + #""timestamp":"2025-07-07T12:34:56.789Z","is_system":false,"attachment":null}"#

    // MARK: - Events

    @Test("a message is the same to its author and to the others", arguments: Role.allCases)
    func message(_ role: Role) {
        #expect(dialect.echoesMessages)
        let event = Event.message(Self.stored(789))
        #expect(encoded(event, by: dialect, to: role) == #"{"type":"chat.message","message":\#(Self.hello)}"#)
    }

    @Test("a message has its attachment, and may then have no text")
    func attachment() {
        let message = Self.stored(789, "", attachment: Attachment(Self.url))
        #expect(
            encoded(.message(message), by: dialect)
                == #"{"type":"chat.message","message":{"id":789,"conversation_id":123,"#
                + #""sender":{"id":1,"username":"alice"},"content":"","timestamp":"2025-07-07T12:34:56.789Z","#
                + #""is_system":false,"attachment":"\#(Self.url)"}}"#)
    }

    @Test("typing starts and stops", arguments: [true, false])
    func typing(_ isTyping: Bool) {
        let sign = TypingSign(writer: UserID(1), readers: [Self.john.id], conversation: nil, isTyping: isTyping)
        #expect(
            encoded(.typing(sign), by: dialect)
                == #"{"type":"chat.typing","sender_id":1,"is_typing":\#(isTyping)}"#)
    }

    @Test("that messages were read is told to all others, whether they wrote them or not", arguments: Role.allCases)
    func read(_ role: Role) {
        let receipt = Receipt(
            conversation: ConversationID(123), reader: UserID(1), authors: [UserID(45)],
            others: [UserID(45), UserID(46)], readAt: .january)
        #expect(
            encoded(.read(receipt), by: dialect, to: role)
                == #"{"type":"chat.read","conversation_id":123,"reader_id":1}"#)
    }

    @Test(
        "there are no words for notifications, rooms and counters",
        arguments: [
            .notification(NotificationContent(title: "T", message: "M"), at: .january), .unreadCount(3, of: UserID(1)),
            .inGeneral(.joined), .inGeneral(.said(text: "Hi", username: "A", at: .january)),
            .counter(.reset, total: 0, at: .january), .counterUsers(3),
        ] as [Event], Role.allCases)
    func otherEvents(_ event: Event, _ role: Role) {
        #expect(encoded(event, by: dialect, to: role) == nil)
    }

    @Test("nothing is said on connect", arguments: [.notifications(at: .january), .counter(0)] as [Welcome])
    func welcome(_ welcome: Welcome) {
        #expect(encoded(welcome, by: dialect) == nil)
    }

    // MARK: - Answers

    @Test(
        "an answer is the frame of the specification",
        arguments: [
            (
                .people([john, smith]),
                #"{"type":"chat.search_results","results":["#
                    + #"{"id":45,"username":"john_doe"},{"id":46,"username":"john_smith"}]}"#
            ),
            (.people([]), #"{"type":"chat.search_results","results":[]}"#),
            // Participants are id and username here, and user__id and user__username in the list.
            (
                .started(Conversation(id: ConversationID(123), participants: [alice, john])),
                #"{"type":"chat.conversation_started","conversation":{"id":123,"participants":["#
                    + #"{"id":1,"username":"alice"},{"id":45,"username":"john_doe"}]}}"#
            ),
            (
                .conversations([Conversation(id: ConversationID(123), participants: [alice, john])]),
                #"{"type":"chat.conversations","conversations":[{"id":123,"participants":["#
                    + #"{"user__id":1,"user__username":"alice"},{"user__id":45,"user__username":"john_doe"}]}]}"#
            ),
            (
                .conversations([
                    Conversation(id: ConversationID(9), isGroup: true, title: "Team", participants: [alice]),
                    Conversation(id: ConversationID(8), isGroup: true, participants: []),
                ]),
                #"{"type":"chat.conversations","conversations":[{"id":9,"participants":["#
                    + #"{"user__id":1,"user__username":"alice"}]},{"id":8,"participants":[]}]}"#
            ),
            (.conversations([]), #"{"type":"chat.conversations","conversations":[]}"#),
            (.messages([stored(789)]), #"{"type":"chat.messages","messages":[\#(hello)]}"#),
            (
                .messages([stored(789), stored(790, from: john, "\"é\n")]),
                #"{"type":"chat.messages","messages":[\#(hello),"#
                    + #"{"id":790,"conversation_id":123,"sender":{"id":45,"username":"john_doe"},"#
                    + #""content":"\"é\n","timestamp":"2025-07-07T12:34:56.789Z","is_system":false,"#
                    + #""attachment":null}]}"#
            ),
            (.messages([]), #"{"type":"chat.messages","messages":[]}"#),
            // Who repeats a message learns its id.
            (.repeated(stored(789)), #"{"type":"chat.message","message":\#(hello)}"#),
        ] as [(Answer, String)])
    func answers(_ answer: Answer, _ frame: String) {
        #expect(encoded(answer, by: dialect) == frame)
    }

    @Test(
        "a stored message is told by its echo, and what is done needs no word",
        arguments: [
            .stored(MessageID(789), isRecipientPresent: true), .stored(MessageID(789), isRecipientPresent: false),
            .done,
        ] as [Answer])
    func silence(_ answer: Answer) {
        #expect(encoded(answer, by: dialect) == nil)
    }

    @Test(
        "every refusal has its literal",
        arguments: [
            (.notJSON, "Invalid JSON format"), (.unknownFormat, "Invalid message format"),
            (.missing(.conversationID), "conversation_id is required"), (.missing(.content), "content is required"),
            (.missing(.receiverID), "receiver_id is required"), (.missing(.keyword), "keyword is required"),
            (.missing(.isTyping), "is_typing is required"), (.unknownConversation, "Conversation not found."),
            (.unknownRecipient, "User not found."),
            (.recipientIsSender, "You cannot start a conversation with yourself."),
            (.textTooLong, "Message is too long"), (.badAttachment, "attachment must be an http or https URL"),
            (.badClientID, "client_id must be a string of 1 to 64 bytes"), (.badLimit, "limit must be 1 or more"),
            (.badCursor, "before_id must be a message id"), (.tooFast, "Rate limit exceeded"),
            (.unknownNotification, "Invalid message format"), (.counterOverflow, "Invalid message format"),
            (.unknownNotice, "Invalid message format"),
            (.storeUnavailable, "The store is not available. Please try again."),
        ] as [(Refusal, String)])
    func refusals(_ refusal: Refusal, _ words: String) {
        #expect(encoded(refusal, by: dialect) == #"{"type":"error","error":"\#(words)"}"#)
    }
}
