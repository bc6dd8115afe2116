import Chat
import Dialects
import JSON
import Testing

/// The events of specs/socketio.md, as the elements of a packet's array.
@Suite struct SocketIOChatTests {
    private let dialect = SocketIOChat.self
    private static let url = "https://bucket.s3.amazonaws.com/file.pdf"
    /// 2023-10-27T10:00:00.000Z
    private static let october = Timestamp(microseconds: 1_698_400_800_000_000)
    private static let sender = User(id: UserID(456), username: "s", name: "Sender", college: nil)

    private static func message(
        _ text: String = "Hello world!", attachment: String? = nil, for recipients: [Int64] = [789]
    ) -> Event {
        .message(
            Message(
                id: MessageID(101), conversation: ConversationID(123), sender: sender, text: text,
                attachment: attachment.flatMap { Attachment($0) }, sentAt: october,
                for: Recipients(recipients.map { UserID($0) })))
    }

    // MARK: - From clients

    @Test(
        "an event is the command of the specification",
        arguments: [
            (#"["join_conversation",123]"#, "join 123"), (#"["join_conversation","123"]"#, "join 123"),
            (#"["leave_conversation",123]"#, "leave 123"), (#"["leave_conversation","123"]"#, "leave 123"),
            (
                #"["send_message",{"conversationId":123,"content":"Hello world!","toUserId":456}]"#,
                "send to conversation 123: Hello world! reaching 456"
            ),
            (#"["send_message",{"conversationId":"123","content":"Hi"}]"#, "send to conversation 123: Hi"),
            (#"["send_message",{"conversationId":null,"content":"Hi","toUserId":"456"}]"#, "send to 456: Hi"),
            (#"["send_message",{"content":"Hi","toUserId":456}]"#, "send to 456: Hi"),
            (
                #"["send_message",{"content":"","toUserId":456,"attachment":"\#(url)","client_id":"c-1"}]"#,
                "send to 456:  [\(url)] (c-1)"
            ),
            (#"["send_message",{"toUserId":456,"attachment":"\#(url)"}]"#, "send to 456:  [\(url)]"),
            (#"["mark_read",{"conversationId":123}]"#, "read conversation 123"),
            (#"["typing_start",{"conversationId":123,"toUserId":456}]"#, "typing to conversation 123 reaching 456"),
            (#"["typing_stop",{"conversationId":"123","toUserId":456}]"#, "typed to conversation 123 reaching 456"),
            (#"["typing_start",{"toUserId":456}]"#, "typing to 456"),
            (#"["join_conversation",123,"and more"]"#, "join 123"),
        ])
    func commands(_ event: String, _ command: String) throws {
        #expect(try decoded(event, by: dialect, from: .person) == command)
    }

    @Test(
        "what is missing or wrong is refused",
        arguments: [
            (#"["join_conversation"]"#, "missing conversation_id"),
            (#"["join_conversation",1.5]"#, "missing conversation_id"),
            (#"["join_conversation",{"id":1}]"#, "missing conversation_id"),
            (#"["leave_conversation",null]"#, "missing conversation_id"),
            (#"["send_message"]"#, "missing receiver_id"), (#"["send_message","Hi"]"#, "missing receiver_id"),
            (#"["send_message",{"content":"Hi"}]"#, "missing receiver_id"),
            (#"["send_message",{"content":"Hi","conversationId":"x"}]"#, "missing receiver_id"),
            (#"["send_message",{"content":"Hi","conversationId":1,"toUserId":"x"}]"#, "missing receiver_id"),
            (#"["send_message",{"conversationId":1}]"#, "missing content"),
            (#"["send_message",{"conversationId":1,"content":""}]"#, "missing content"),
            (#"["send_message",{"conversationId":1,"content":7}]"#, "missing content"),
            (#"["send_message",{"conversationId":1,"content":null}]"#, "missing content"),
            (#"["send_message",{"conversationId":1,"content":"Hi","attachment":"ftp://x"}]"#, "badAttachment"),
            (#"["send_message",{"conversationId":1,"content":"Hi","client_id":""}]"#, "badClientID"),
            (#"["mark_read"]"#, "missing conversation_id"), (#"["mark_read",{}]"#, "missing conversation_id"),
            (#"["typing_start"]"#, "missing recipient_id"), (#"["typing_stop",{}]"#, "missing recipient_id"),
            (#"["message","Hi"]"#, "unknownFormat"), (#"[1]"#, "unknownFormat"),
            (#"["SEND_MESSAGE",{}]"#, "unknownFormat"),
        ])
    func refused(_ event: String, _ reason: String) throws {
        #expect(try decoded(event, by: dialect, from: .person) == "refused: \(reason)")
    }

    // MARK: - To clients

    @Test("a message is new to who joined, notified to who receives it, and no news to who only wrote it")
    func messages() {
        #expect(
            elements(Self.message(), to: .joined)
                == #"["new_message",{"id":101,"conversation_id":123,"sender_id":456,"receiver_id":789,"#
                + #""content":"Hello world!","is_read":false,"read_at":null,"created_at":"2023-10-27T10:00:00.000Z"}]"#)
        #expect(
            elements(Self.message(), to: .other)
                == #"["message_notification",{"id":101,"conversation_id":123,"sender_id":456,"receiver_id":789,"#
                + #""content":"Hello world!","is_read":false,"created_at":"2023-10-27T10:00:00.000Z","#
                + #""type":"new_message"}]"#)
        #expect(!SocketIOChat.echoesMessages)
    }

    @Test("in a group a message is for nobody in particular")
    func groups() throws {
        let words = try #require(elements(Self.message(for: [1, 2]), to: .joined))
        #expect(words.contains(#""receiver_id":null"#))
    }

    @Test("an attachment without a text is shown by its URL")
    func attachments() throws {
        let words = try #require(elements(Self.message("", attachment: Self.url), to: .joined))
        #expect(words.contains(#""content":"\#(Self.url)""#))
    }

    @Test(
        "other events are those of the specification",
        arguments: [
            (
                .read(
                    Receipt(
                        conversation: ConversationID(123), reader: UserID(456), authors: [],
                        readAt: october + .seconds(300))),
                #"["messages_read",{"conversationId":123,"userId":456,"readAt":"2023-10-27T10:05:00.000Z"}]"#
            ),
            (
                .typing(TypingSign(writer: UserID(456), readers: [], conversation: ConversationID(123))),
                #"["typing_start",{"conversationId":123,"userId":456}]"#
            ),
            (
                .typing(TypingSign(writer: UserID(456), readers: [], conversation: nil, isTyping: false)),
                #"["typing_stop",{"conversationId":null,"userId":456}]"#
            ),
            (
                notification(for: .person(UserID(789))),
                #"["new_notification",{"id":50,"user_id":789,"title":"Project Update","#
                    + #""message":"You have been assigned to Project X","type":"project_assigned","#
                    + #""created_at":"2023-10-27T12:00:00.000Z"}]"#
            ),
            (
                notification(for: .everybody),
                #"["new_notification",{"id":50,"user_id":null,"title":"Project Update","#
                    + #""message":"You have been assigned to Project X","type":"project_assigned","#
                    + #""created_at":"2023-10-27T12:00:00.000Z"}]"#
            ),
        ] as [(Event, String)])
    func others(_ event: Event, _ words: String) {
        for role in [.author, .other] as [Role] { #expect(elements(event, to: role) == words) }
    }

    private static func notification(for audience: Audience) -> Event {
        .notification(
            Notification(
                id: NotificationID(50), audience: audience,
                content: NotificationContent(
                    title: "Project Update", message: "You have been assigned to Project X", type: "project_assigned"),
                sentAt: october + .seconds(7200)))
    }

    @Test(
        "there are no words for the rest",
        arguments: [
            .unreadCount(3, of: UserID(1)), .inGeneral(.joined), .counter(.reset, total: 0, at: .january),
            .counterUsers(3), .removed(UserID(1), from: ConversationID(123)),
        ] as [Event], Role.allCases)
    func silence(_ event: Event, _ role: Role) {
        #expect(elements(event, to: role) == nil)
    }

    // MARK: - Answers

    @Test(
        "an error says what is wrong; that of a message is the specification's",
        arguments: [
            (.refused(.unknownConversation), "Conversation not found"), (.refused(.unknownFormat), "Unknown event"),
            (.refused(.missing(.conversationID)), "conversationId is required"),
            (.refused(.missing(.recipientID)), "conversationId or toUserId is required"),
            (.refused(.unknownRecipient), "User not found"), (.refused(.tooFast), "Rate limit exceeded"),
            (.refused(.storeUnavailable), "The store is not available. Please try again."),
            (.refused(.missing(.receiverID)), "Failed to send message"),
            (.refused(.missing(.content)), "Failed to send message"),
            (.refused(.badClientID), "Failed to send message"),
            (.refused(.badAttachment), "Failed to send message"),
            (.notSent(.unknownConversation), "Failed to send message"),
            (.notSent(.textTooLong), "Failed to send message"), (.notSent(.storeUnavailable), "Failed to send message"),
        ] as [(Answer, String)])
    func errors(_ answer: Answer, _ words: String) {
        let said = written { dialect.encode(answer, into: &$0) }
        #expect(said == #"["error",{"message":"\#(words)"}]"#)
    }

    @Test(
        "an acknowledgement tells the outcome",
        arguments: [
            (.stored(MessageID(101), isRecipientPresent: false), #"{"ok":true,"id":101}"#), (.done, #"{"ok":true}"#),
            (.joined(ConversationID(3)), #"{"ok":true}"#),
            (
                .repeated(
                    Message(
                        id: MessageID(7), conversation: ConversationID(3), sender: sender, text: "", sentAt: october)),
                #"{"ok":true,"id":7}"#
            ),
            (.refused(.unknownConversation), #"{"ok":false,"error":"Conversation not found"}"#),
            (.notSent(.textTooLong), #"{"ok":false,"error":"Message is too long"}"#),
            (.refused(.missing(.content)), #"{"ok":false,"error":"content is required"}"#),
            (.notSent(.recipientIsSender), #"{"ok":false,"error":"You cannot send a message to yourself"}"#),
            (
                .notSent(.clientIDInUse),
                #"{"ok":false,"error":"client_id was used for a message of another conversation"}"#
            ),
        ] as [(Answer, String)])
    func acknowledgements(_ answer: Answer, _ words: String) {
        let said = written {
            dialect.acknowledge(answer, into: &$0); return true
        }
        #expect(said == "[\(words)]")
        #expect((written { dialect.encode(answer, into: &$0) } == nil) == (answer.refusal == nil))
    }

    private func elements(_ event: Event, to role: Role) -> String? {
        written { dialect.encode(event, to: role, into: &$0) }
    }

    /// The array whose elements the dialect wrote.
    private func written(_ write: (inout JSONWriter) -> Bool) -> String? {
        var json = JSONWriter()
        var hasWords = false
        json.array { hasWords = write(&$0) }
        #expect(hasWords || json.bytes.count == 2)
        return hasWords ? String(decoding: json.bytes, as: UTF8.self) : nil
    }
}
