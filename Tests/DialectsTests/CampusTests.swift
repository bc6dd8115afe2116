import Chat
import Dialects
import JSON
import Testing

import struct Chat.Attachment

/// The examples of specs/campus.md, frame by frame, and INTEROP.md's words on them.
@Suite struct CampusTests {
    private let dialect = Campus.self
    private static let url = "https://bucket.s3.amazonaws.com/file.pdf"

    @Test(
        "a client's frame is a command, or refused by the first check that fails",
        arguments: [
            (
                #"{"receiver_id":123,"message":"Hello, how are you?","attachment":"\#(url)"}"#,
                "send to 123: Hello, how are you? [\(url)]"
            ),
            (#"{"receiver_id":2,"message":"Test message"}"#, "send to 2: Test message"),
            (#"{"receiver_id":"2","message":"x","attachment":null}"#, "send to 2: x"),
            (#"{"receiver_id":2,"attachment":"\#(url)"}"#, "send to 2:  [\(url)]"),
            (#"{"receiver_id":2,"message":"x","client_id":"c-1"}"#, "send to 2: x (c-1)"),
            ("{}", "refused: missing receiver_id"),
            (#"{"message":"x"}"#, "refused: missing receiver_id"),
            (#"{"receiver_id":null,"message":"x"}"#, "refused: missing receiver_id"),
            (#"{"receiver_id":2}"#, "refused: missing messageOrAttachment"),
            (#"{"receiver_id":2,"message":"","attachment":""}"#, "refused: missing messageOrAttachment"),
            (#"{"receiver_id":"x","message":""}"#, "refused: missing messageOrAttachment"),
            (#"{"receiver_id":"x","message":"x"}"#, "refused: unknownFormat"),
            (#"{"receiver_id":2.5,"message":"x"}"#, "refused: unknownFormat"),
            (#"{"receiver_id":2,"message":5}"#, "refused: unknownFormat"),
            (#"{"receiver_id":2,"attachment":"ftp://a/b"}"#, "refused: unknownFormat"),
            (#"{"receiver_id":2,"attachment":"javascript:x"}"#, "refused: unknownFormat"),
        ])
    func commands(_ frame: String, _ command: String) throws {
        #expect(try decoded(frame, by: dialect, from: .chat) == command)
    }

    @Test("a message has its attachment, or null")
    func message() {
        func frame(_ attachment: Attachment?) -> String? {
            let sender = User(id: UserID(101), username: "john", name: "John Doe", college: nil)
            let message = Message(
                id: MessageID(789), conversation: ConversationID(1), sender: sender, text: "Hello, how are you?",
                attachment: attachment, sentAt: Timestamp(microseconds: 1_767_695_445_123_456))
            return encoded(.message(message), by: dialect)
        }
        let start =
            #"{"type":"chat_message","id":789,"sender_id":101,"sender_name":"John Doe","#
            + #""message":"Hello, how are you?","attachment":"#
        let end = #","timestamp":"2026-01-06T10:30:45.123456Z"}"#
        #expect(frame(Attachment(Self.url)) == start + #""\#(Self.url)""# + end)
        #expect(frame(nil) == start + "null" + end)
    }

    @Test("the author of a message gets no chat_message")
    func author() { #expect(!dialect.echoesMessages) }

    @Test(
        "there are no words for reading, typing, rooms and counters, whoever would hear them",
        arguments: [
            .read(at: .january), .typing(true), .typing(false), .unreadCount(3, of: UserID(7)), .inGeneral(.joined),
            .counter(.reset, total: 0, at: .january), .counterUsers(3),
        ] as [Event], Role.allCases)
    func otherEvents(_ event: Event, _ role: Role) {
        #expect(encoded(event, by: dialect, to: role) == nil)
    }

    @Test("a stored message is confirmed, whether its receiver is there or not", arguments: [true, false])
    func confirmation(_ isPresent: Bool) {
        #expect(
            encoded(.stored(MessageID(456), isRecipientPresent: isPresent), by: dialect)
                == #"{"type":"message_sent","id":456,"status":"delivered"}"#)
    }

    @Test("a repeat is confirmed with the first message's id")
    func repeated() {
        #expect(
            encoded(.repeated(hello), by: dialect) == #"{"type":"message_sent","id":1024,"status":"delivered"}"#)
    }

    @Test(
        "there are no words for what clients can't ask for",
        arguments: [.done, .started(talk), .people([aarav]), .conversations([talk]), .messages([hello])] as [Answer])
    func otherAnswers(_ answer: Answer) {
        #expect(encoded(answer, by: dialect) == nil)
    }

    @Test(
        "there are five errors and no others",
        arguments: [
            (.missing(.receiverID), "receiver_id is required"),
            (.missing(.messageOrAttachment), "message or attachment is required"), (.notJSON, "Invalid JSON format"),
            (.unknownRecipient, "Failed to send message. Receiver not found."),
            (.unknownFormat, "An error occurred while processing your message"),
            (.recipientIsSender, "An error occurred while processing your message"),
            (.textTooLong, "An error occurred while processing your message"),
            (.badClientID, "An error occurred while processing your message"),
            (.badAttachment, "An error occurred while processing your message"),
            (.badLimit, "An error occurred while processing your message"),
            (.badCursor, "An error occurred while processing your message"),
            (.unknownConversation, "An error occurred while processing your message"),
            (.missing(.content), "An error occurred while processing your message"),
            (.tooFast, "An error occurred while processing your message"),
            (.unknownNotice, "An error occurred while processing your message"),
            (.storeUnavailable, "An error occurred while processing your message"),
        ] as [(Refusal, String)])
    func refusals(_ refusal: Refusal, _ words: String) {
        #expect(encoded(refusal, by: dialect) == #"{"type":"error","error":"\#(words)"}"#)
    }

    @Test("a notification has its type, its time and its data")
    func notification() {
        var content = NotificationContent(
            title: "New Notice Published", message: "Mid-term exam schedule has been released", type: "notice",
            data: Array(#"{"notice_id":42,"url":"/notices/42"}"#.utf8))
        func frame() -> String? {
            let notification = Notification(
                id: NotificationID(1), audience: .everybody, content: content,
                sentAt: Timestamp(microseconds: 1_767_709_200_000_000))
            return encoded(.notification(notification), by: dialect)
        }
        let start =
            #"{"type":"notify","title":"New Notice Published","#
            + #""message":"Mid-term exam schedule has been released","notification_type":"#
        #expect(
            frame() == start
                + #""notice","timestamp":"2026-01-06T14:20:00Z","data":{"notice_id":42,"url":"/notices/42"}}"#)
        content = NotificationContent(title: content.title, message: content.message)
        #expect(frame() == start + #""alert","timestamp":"2026-01-06T14:20:00Z","data":{}}"#)
    }

    @Test("both paths need a token, and what was missed is sent")
    func endpoints() {
        #expect(dialect.endpoints.map(\.path) == ["/ws/chat/", "/ws/notifications/"])
        #expect(dialect.endpoints.map(\.kind) == [.chat, .notifications])
        #expect(dialect.endpoints.allSatisfy { $0.token == .required })
        #expect(dialect.wantsBacklog)
        #expect(!dialect.stopsTyping)
    }

    @Test("what a client sends on the notification socket is not read")
    func reading() {
        #expect(dialect.reads(from: .chat))
        #expect(!dialect.reads(from: .notifications))
    }
}
