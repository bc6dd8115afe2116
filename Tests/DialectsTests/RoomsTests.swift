import Chat
import Dialects
import Testing

/// The frames of specs/rooms.md, and what INTEROP.md adds to them.
@Suite struct RoomsTests {
    private let dialect = Rooms.self

    @Test(
        "a frame of a room is something said",
        arguments: [
            (
                #"{"type": "chat_message", "message": "Hello everyone!", "username": "john_doe"}"#,
                "john_doe says: Hello everyone!"
            ),
            (#"{"type": "chat_message", "message": "Hello!", "username": "John"}"#, "John says: Hello!"),
            (#"{"type": "chat_message", "message": "Hello", "username": "Test"}"#, "Test says: Hello"),
            (
                #"{"type":"chat_message","message":"Hello from Python","username":"PythonBot"}"#,
                "PythonBot says: Hello from Python"
            ),
            // Without a name one is nobody in particular.
            (#"{"type":"chat_message","message":"Hi"}"#, "Anonymous says: Hi"),
            (#"{"type":"chat_message","message":"Hi","username":""}"#, "Anonymous says: Hi"),
            (#"{"type":"chat_message","message":"Hi","username":null}"#, "Anonymous says: Hi"),
            (#"{"type":"chat_message","message":"Hi","username":5}"#, "Anonymous says: Hi"),
        ])
    func roomCommands(_ frame: String, _ command: String) throws {
        #expect(try decoded(frame, by: dialect, from: .room) == command)
    }

    @Test(
        "a wrong frame of a room is refused",
        arguments: [
            (#"{}"#, "unknownFormat"), (#"[]"#, "unknownFormat"), (#""Hello""#, "unknownFormat"),
            (#"{"message":"Hi"}"#, "unknownFormat"), (#"{"type":"shout","message":"Hi"}"#, "unknownFormat"),
            (#"{"type":5,"message":"Hi"}"#, "unknownFormat"), (#"{"type":"chat_message"}"#, "missing message"),
            (#"{"type":"chat_message","message":""}"#, "missing message"),
            (#"{"type":"chat_message","message":["Hi"]}"#, "missing message"),
            (#"{"action":"increment","value":1}"#, "unknownFormat"),
        ])
    func wrongRoomFrames(_ frame: String, _ refusal: String) throws {
        #expect(try decoded(frame, by: dialect, from: .room) == "refused: \(refusal)")
    }

    @Test(
        "a frame of the counter is an action",
        arguments: [
            (#"{"action": "increment", "value": 1}"#, "count +1"),
            (#"{"action": "decrement", "value": 1}"#, "count -1"),
            (#"{"action": "reset", "value": 0}"#, "count reset"),
            (#"{"action": "increment", "value": 5}"#, "count +5"),
            (#"{"action":"increment"}"#, "count +1"), (#"{"action":"decrement"}"#, "count -1"),
            (#"{"action":"increment","value":-3}"#, "count +-3"),
            (#"{"action":"decrement","value":-9223372036854775808}"#, "count --9223372036854775808"),
            (#"{"action":"increment","value":9223372036854775807}"#, "count +9223372036854775807"),
            // A reset always means 0.
            (#"{"action":"reset"}"#, "count reset"), (#"{"action":"reset","value":99}"#, "count reset"),
            (#"{"action":"reset","value":"x"}"#, "count reset"),
        ])
    func counterCommands(_ frame: String, _ command: String) throws {
        #expect(try decoded(frame, by: dialect, from: .counter) == command)
    }

    @Test(
        "a wrong frame of the counter is refused",
        arguments: [
            #"{}"#, #"[]"#, #"7"#, #"{"action":"multiply","value":2}"#, #"{"action":null}"#, #"{"value":1}"#,
            #"{"action":"increment","value":1.5}"#, #"{"action":"increment","value":"x"}"#,
            #"{"action":"increment","value":true}"#, #"{"action":"increment","value":9223372036854775808}"#,
            #"{"type":"chat_message","message":"Hi"}"#,
        ])
    func wrongCounterFrames(_ frame: String) throws {
        #expect(try decoded(frame, by: dialect, from: .counter) == "refused: unknownFormat")
    }

    @Test("other seats take nothing", arguments: [.notifications, .chat] as [Seat.Kind])
    func otherSeats(_ kind: Seat.Kind) throws {
        let frame = #"{"type":"chat_message","message":"Hi","username":"A","action":"reset"}"#
        #expect(try decoded(frame, by: dialect, from: kind) == "refused: unknownFormat")
    }

    @Test(
        "an event is the frame of the specification",
        arguments: [
            (
                .inGeneral(.said(text: "Hello everyone!", username: "john_doe", at: .january)),
                #"{"type":"chat_message","message":"Hello everyone!","username":"john_doe","#
                    + #""timestamp":"2025-01-27T12:30:45.123456"}"#
            ),
            (
                .inGeneral(.said(text: "Hi", username: "A", at: .halfPastTwelve)),
                #"{"type":"chat_message","message":"Hi","username":"A","timestamp":"2026-01-06T12:30:00.000000"}"#
            ),
            (
                .inGeneral(.joined),
                #"{"type":"notification","message":"A user joined the room","event":"user_joined"}"#
            ),
            (.inGeneral(.left), #"{"type":"notification","message":"A user left the room","event":"user_left"}"#),
            (
                .notification(
                    NotificationContent(title: "New Message", message: "You have a new message from John"),
                    at: .january),
                #"{"type":"notification","title":"New Message","message":"You have a new message from John","#
                    + #""priority":"normal","timestamp":"2025-01-27T12:30:45.123456"}"#
            ),
            (
                .notification(NotificationContent(title: "Test", message: "Hello!", priority: .high), at: .january),
                #"{"type":"notification","title":"Test","message":"Hello!","priority":"high","#
                    + #""timestamp":"2025-01-27T12:30:45.123456"}"#
            ),
            (
                .notification(NotificationContent(title: "T", message: "M", priority: .low), at: .january),
                #"{"type":"notification","title":"T","message":"M","priority":"low","#
                    + #""timestamp":"2025-01-27T12:30:45.123456"}"#
            ),
            (
                .counter(.increment(1), total: 42, at: .january),
                #"{"type":"counter_update","action":"increment","value":1,"timestamp":"2025-01-27T12:30:45.123456"}"#
            ),
            (
                .counter(.decrement(5), total: 37, at: .january),
                #"{"type":"counter_update","action":"decrement","value":5,"timestamp":"2025-01-27T12:30:45.123456"}"#
            ),
            (
                .counter(.reset, total: 0, at: .january),
                #"{"type":"counter_update","action":"reset","value":0,"timestamp":"2025-01-27T12:30:45.123456"}"#
            ),
            (.counterUsers(3), #"{"type":"user_count_update","count":3}"#),
        ] as [(Event, String)])
    func events(_ event: Event, _ frame: String) {
        #expect(encoded(event, by: dialect) == frame)
    }

    @Test(
        "there are no words for direct messages",
        arguments: [
            .message("Hi"), .read(at: .january), .typing(true), .typing(false), .unreadCount(3, of: UserID(7)),
        ] as [Event], Role.allCases)
    func otherEvents(_ event: Event, _ role: Role) {
        #expect(encoded(event, by: dialect, to: role) == nil)
    }

    @Test(
        "of one's own commands nothing is told but refusals",
        arguments: [
            .stored(MessageID(7), isRecipientPresent: false), .repeated(hello), .done, .started(talk),
            .people([aarav]), .conversations([talk]), .messages([hello]),
        ] as [Answer])
    func otherAnswers(_ answer: Answer) {
        #expect(encoded(answer, by: dialect) == nil)
    }

    @Test(
        "the first frame is that of the specification",
        arguments: [
            (
                .notifications(at: .january),
                #"{"type":"connection_status","status":"connected","#
                    + #""message":"Successfully connected to notifications","timestamp":"2025-01-27T12:30:45.123456"}"#
            ),
            (.counter(0), #"{"type":"counter_update","counter":0,"message":"Connected to counter"}"#),
            (.counter(-42), #"{"type":"counter_update","counter":-42,"message":"Connected to counter"}"#),
        ] as [(Welcome, String)])
    func welcome(_ welcome: Welcome, _ frame: String) {
        #expect(encoded(welcome, by: dialect) == frame)
    }

    @Test(
        "every refusal has its literal",
        arguments: [
            (.notJSON, "Invalid JSON format"), (.unknownFormat, "Invalid message format"),
            (.missing(.message), "Invalid message format"), (.missing(.recipientID), "Invalid message format"),
            (.missing(.senderID), "Invalid message format"), (.missing(.notificationID), "Invalid message format"),
            (.badClientID, "Invalid message format"), (.unknownRecipient, "Invalid message format"),
            (.recipientIsSender, "Invalid message format"), (.badAttachment, "Invalid message format"),
            (.badLimit, "Invalid message format"), (.badCursor, "Invalid message format"),
            (.unknownConversation, "Invalid message format"),
            (.unknownNotification, "Invalid message format"),
            (.textTooLong, "Invalid message (max 1000 characters)"), (.tooFast, "Rate limit exceeded"),
            (.counterOverflow, "Counter overflow"),
            (.unknownNotice, "Invalid message format"),
            (.storeUnavailable, "The change could not be stored. Please try again."),
        ] as [(Refusal, String)])
    func refusals(_ refusal: Refusal, _ message: String) {
        #expect(encoded(refusal, by: dialect) == #"{"type":"error","message":"\#(message)"}"#)
    }

    @Test("no path needs a token, and nothing missed is sent")
    func endpoints() {
        #expect(dialect.endpoints.map(\.path) == ["/ws/chat/{room}/", "/ws/notifications/", "/ws/counter/"])
        #expect(dialect.endpoints.map(\.kind) == [.room, .notifications, .counter])
        #expect(dialect.endpoints.allSatisfy { $0.token == .optional })
        #expect(!dialect.wantsBacklog)
    }
}
