import Chat
import Dialects
import Testing

import struct Chat.Attachment

/// The frames of specs/erp.md, and what INTEROP.md adds to them.
@Suite struct ERPTests {
    private let dialect = ERP.self

    @Test(
        "a frame of the chat is a command",
        arguments: [
            (
                #"{"type": "chat_message", "message": "Hello, are you available?", "recipient_id": 5}"#,
                "send to 5: Hello, are you available?"
            ),
            (#"{"type": "mark_read", "sender_id": 5}"#, "read 5"),
            (#"{"type": "typing", "recipient_id": 5}"#, "typing to 5"),
            // Ids as strings of digits.
            (#"{"type":"chat_message","message":"Hi","recipient_id":"5"}"#, "send to 5: Hi"),
            (#"{"type":"mark_read","sender_id":"0005"}"#, "read 5"),
            (#"{"type":"typing","recipient_id":"9223372036854775807"}"#, "typing to 9223372036854775807"),
            // A sender's own id; null is none.
            (#"{"type":"chat_message","message":"Hi","recipient_id":5,"client_id":"c-1"}"#, "send to 5: Hi (c-1)"),
            (#"{"type":"chat_message","message":"Hi","recipient_id":5,"client_id":null}"#, "send to 5: Hi"),
            // What else a frame has is no matter, nor its order or escapes.
            (
                #"{"extra":[{}],"recipient_id":5,"message":"\u00e9\n\ud83d\ude00","type":"chat\u005fmessage"}"#,
                "send to 5: é\n😀"
            ),
        ])
    func chatCommands(_ frame: String, _ command: String) throws {
        #expect(try decoded(frame, by: dialect, from: .chat) == command)
    }

    @Test(
        "a wrong frame of the chat names what is wrong",
        arguments: [
            (#"{}"#, "unknownFormat"), (#"[]"#, "unknownFormat"), (#""chat_message""#, "unknownFormat"),
            (#"5"#, "unknownFormat"), (#"null"#, "unknownFormat"), (#"{"type":null}"#, "unknownFormat"),
            (#"{"type":"chat_messages","message":"Hi","recipient_id":5}"#, "unknownFormat"),
            (#"{"type":["typing"],"recipient_id":5}"#, "unknownFormat"),
            (#"{"type":"chat_message","recipient_id":5}"#, "missing message"),
            (#"{"type":"chat_message","message":"","recipient_id":5}"#, "missing message"),
            (#"{"type":"chat_message","message":5,"recipient_id":5}"#, "missing message"),
            (#"{"type":"chat_message","message":null,"recipient_id":5}"#, "missing message"),
            (#"{"type":"chat_message","message":"Hi"}"#, "missing recipient_id"),
            (#"{"type":"typing"}"#, "missing recipient_id"),
            (#"{"type":"mark_read"}"#, "missing sender_id"),
            (#"{"type":"mark_read","id":501}"#, "missing sender_id"),
            (#"{"type":"chat_message","message":"Hi","recipient_id":5,"client_id":""}"#, "badClientID"),
            (#"{"type":"chat_message","message":"Hi","recipient_id":5,"client_id":7}"#, "badClientID"),
        ])
    func wrongChatFrames(_ frame: String, _ refusal: String) throws {
        #expect(try decoded(frame, by: dialect, from: .chat) == "refused: \(refusal)")
    }

    @Test(
        "an id is a whole number or a string of digits, and nothing else",
        arguments: [
            "null", "true", "5.5", "[5]", "{}", #""""#, #""five""#, #""5 ""#, #"" 5""#, #""+5""#, #""-5""#,
            #""5.0""#, #""0x5""#, #""٥""#, "9223372036854775808", #""9223372036854775808""#,
        ])
    func wrongIDs(_ id: String) throws {
        let frame = #"{"type":"typing","recipient_id":\#(id)}"#
        #expect(try decoded(frame, by: dialect, from: .chat) == "refused: missing recipient_id")
    }

    @Test(
        "the notification socket takes mark_read only",
        arguments: [
            (#"{"type":"mark_read","id":501}"#, "read notification 501"),
            (#"{"type":"mark_read","id":"501"}"#, "read notification 501"),
            (#"{"type":"mark_read"}"#, "refused: missing id"),
            (#"{"type":"mark_read","id":"x"}"#, "refused: missing id"),
            (#"{"type":"mark_read","sender_id":5}"#, "refused: missing id"),
            (#"{"type":"typing","recipient_id":5}"#, "refused: unknownFormat"),
            (#"{"type":"chat_message","message":"Hi","recipient_id":5}"#, "refused: unknownFormat"),
        ])
    func notificationFrames(_ frame: String, _ command: String) throws {
        #expect(try decoded(frame, by: dialect, from: .notifications) == command)
    }

    @Test("other seats are not this dialect's", arguments: [.room, .counter] as [Seat.Kind])
    func otherSeats(_ kind: Seat.Kind) throws {
        let frame = #"{"type":"typing","recipient_id":5}"#
        #expect(try decoded(frame, by: dialect, from: kind) == "refused: unknownFormat")
    }

    @Test(
        "an event is the frame of the specification",
        arguments: [
            (
                .message("Hello, are you available?"),
                #"{"type":"chat_message","id":1024,"sender_id":5,"sender_name":"Aarav Sharma","#
                    + #""message":"Hello, are you available?","timestamp":"2026-01-06T12:30:00Z"}"#
            ),
            (
                .message("\"\\\n😀"),
                #"{"type":"chat_message","id":1024,"sender_id":5,"sender_name":"Aarav Sharma","#
                    + #""message":"\"\\\n😀","timestamp":"2026-01-06T12:30:00Z"}"#
            ),
            (.typing(true), #"{"type":"user_typing","sender_id":5}"#),
            (
                .notification(
                    NotificationContent(
                        title: "Leave Approved", message: "Your leave request for Jan 10th has been approved.",
                        category: "hr", link: "/hr/leave-applications/12"),
                    at: .halfPastTwelve + .seconds(5400)),
                #"{"type":"notification","id":501,"title":"Leave Approved","#
                    + #""message":"Your leave request for Jan 10th has been approved.","category":"hr","#
                    + #""link":"/hr/leave-applications/12","timestamp":"2026-01-06T14:00:00Z","is_read":false}"#
            ),
            (
                .notification(NotificationContent(title: "T", message: "M"), at: .halfPastTwelve),
                #"{"type":"notification","id":501,"title":"T","message":"M","category":"","link":"","#
                    + #""timestamp":"2026-01-06T12:30:00Z","is_read":false}"#
            ),
            (.unreadCount(3, of: UserID(7)), #"{"type":"unread_count","count":3}"#),
            (.unreadCount(0, of: UserID(7)), #"{"type":"unread_count","count":0}"#),
        ] as [(Event, String)])
    func events(_ event: Event, _ frame: String) {
        #expect(encoded(event, by: dialect) == frame)
    }

    @Test("the author of a message gets no chat_message")
    func author() { #expect(!dialect.echoesMessages) }

    @Test("that messages were read is told to their author, and to nobody else in the conversation")
    func read() {
        let event = Event.read(at: .halfPastTwelve + .seconds(300))
        #expect(
            encoded(event, by: dialect, to: .author)
                == #"{"type":"messages_read","reader_id":5,"timestamp":"2026-01-06T12:35:00Z"}"#)
        #expect(encoded(event, by: dialect, to: .other) == nil)
    }

    @Test("there are no words for typing that stops", arguments: Role.allCases)
    func typingStops(_ role: Role) {
        #expect(encoded(.typing(false), by: dialect, to: role) == nil)
    }

    @Test(
        "there are no words for rooms and counters",
        arguments: [
            .inGeneral(.joined), .inGeneral(.left), .inGeneral(.said(text: "Hi", username: "A", at: .january)),
            .counter(.reset, total: 0, at: .january), .counterUsers(3),
        ] as [Event])
    func otherEvents(_ event: Event) {
        #expect(encoded(event, by: dialect) == nil)
    }

    @Test("nothing is said on connect", arguments: [.notifications(at: .january), .counter(0)] as [Welcome])
    func welcome(_ welcome: Welcome) {
        #expect(encoded(welcome, by: dialect) == nil)
    }

    @Test(
        "every refusal has its literal",
        arguments: [
            (.unknownRecipient, "User not found or offline."),
            (.notJSON, "Invalid JSON format"), (.unknownFormat, "Invalid message format"),
            (.missing(.message), "message is required"), (.missing(.recipientID), "recipient_id is required"),
            (.missing(.senderID), "sender_id is required"), (.missing(.notificationID), "id is required"),
            (.badClientID, "client_id must be a string of 1 to 64 bytes"),
            (.recipientIsSender, "You cannot send a message to yourself."), (.textTooLong, "Message is too long"),
            (.tooFast, "Rate limit exceeded"), (.unknownNotification, "Notification not found."),
            (.badAttachment, "Invalid message format"), (.badLimit, "Invalid message format"),
            (.badCursor, "Invalid message format"), (.unknownConversation, "Invalid message format"),
            (.counterOverflow, "Counter overflow"),
            (.unknownNotice, "Invalid message format"),
            (.storeUnavailable, "The message could not be stored. Please try again."),
        ] as [(Refusal, String)])
    func refusals(_ refusal: Refusal, _ message: String) {
        #expect(encoded(refusal, by: dialect) == #"{"type":"error","message":"\#(message)"}"#)
    }

    @Test("of a stored message only that its recipient is away is told")
    func stored() {
        #expect(encoded(.stored(MessageID(7), isRecipientPresent: true), by: dialect) == nil)
        #expect(
            encoded(.stored(MessageID(7), isRecipientPresent: false), by: dialect)
                == #"{"type":"error","message":"User not found or offline."}"#)
    }

    @Test(
        "there are no words for what clients can't ask for, and nothing to say of a repeat",
        arguments: [
            .done, .repeated(hello), .started(talk), .people([aarav]), .conversations([talk]), .messages([hello]),
        ] as [Answer])
    func otherAnswers(_ answer: Answer) {
        #expect(encoded(answer, by: dialect) == nil)
    }

    @Test("an attachment's URL stands where there is no text")
    func attachment() {
        let url = "https://bucket.s3.amazonaws.com/file.pdf"
        let message = Message(
            id: MessageID(1024), conversation: ConversationID(3), sender: aarav, text: "",
            attachment: Attachment(url), sentAt: .january)
        #expect(encoded(.message(message), by: dialect)?.contains(#""message":"\#(url)""#) == true)
    }

    @Test("both paths need a token, and what was missed is sent")
    func endpoints() {
        #expect(dialect.endpoints.map(\.path) == ["/ws/v1/chat/", "/ws/v1/notifications/"])
        #expect(dialect.endpoints.map(\.kind) == [.chat, .notifications])
        #expect(dialect.endpoints.allSatisfy { $0.token == .required })
        #expect(dialect.wantsBacklog)
        #expect(!dialect.stopsTyping)
    }
}
