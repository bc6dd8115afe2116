import Chat
import Dialects
import Testing

/// What a client sends by specs/conversations.md, and what INTEROP.md adds to it.
@Suite struct ConversationsTests {
    private let dialect = Conversations.self
    private static let url = "https://a.example/file.pdf"

    @Test(
        "a client's frame is a command",
        arguments: [
            // The specification's examples.
            (
                #"{"type": "chat.message", "conversation_id": 123, "content": "Hello!"}"#,
                "send to conversation 123: Hello!"
            ),
            (#"{"type": "chat.typing", "receiver_id": 45, "is_typing": true}"#, "typing to 45"),
            (#"{"type": "chat.typing", "receiver_id": 45, "is_typing": false}"#, "typed to 45"),
            (#"{"type": "chat.read", "conversation_id": 123}"#, "read conversation 123"),
            (#"{"type": "chat.search_user", "keyword": "john"}"#, "people like 'john'"),
            (#"{"type": "chat.start_conversation", "receiver_id": 45}"#, "start with 45"),
            (#"{"type": "chat.get_conversations"}"#, "conversations"),
            (#"{"type": "chat.get_messages", "conversation_id": 123}"#, "messages of 123"),
            // Ids as strings of digits.
            (#"{"type":"chat.message","conversation_id":"123","content":"x"}"#, "send to conversation 123: x"),
            (#"{"type":"chat.typing","receiver_id":"45","is_typing":true}"#, "typing to 45"),
            (#"{"type":"chat.read","conversation_id":"123"}"#, "read conversation 123"),
            (#"{"type":"chat.start_conversation","receiver_id":"45"}"#, "start with 45"),
            // A keyword may be empty, and then nobody is found.
            (#"{"type":"chat.search_user","keyword":""}"#, "people like ''"),
            // The type is compared as it is meant, escaped or not.
            (#"{"type":"chat\u002eget_conversations","x":1}"#, "conversations"),
            // The extensions: an attachment, a sender's own id, a part of the history.
            (
                #"{"type":"chat.message","conversation_id":3,"content":"x","attachment":"\#(url)"}"#,
                "send to conversation 3: x [\(url)]"
            ),
            (
                #"{"type":"chat.message","conversation_id":3,"content":"","attachment":"\#(url)","client_id":"c-1"}"#,
                "send to conversation 3:  [\(url)] (c-1)"
            ),
            (
                #"{"type":"chat.message","conversation_id":3,"attachment":"\#(url)","client_id":"c-1"}"#,
                "send to conversation 3:  [\(url)] (c-1)"
            ),
            (
                #"{"type":"chat.message","conversation_id":3,"content":null,"attachment":"\#(url)"}"#,
                "send to conversation 3:  [\(url)]"
            ),
            (
                #"{"type":"chat.message","conversation_id":3,"content":"x","attachment":null,"client_id":null}"#,
                "send to conversation 3: x"
            ),
            (
                #"{"type":"chat.message","conversation_id":3,"content":"x","attachment":""}"#,
                "send to conversation 3: x"
            ),
            (
                #"{"type":"chat.get_messages","conversation_id":3,"limit":50,"before_id":789}"#,
                "messages of 3 before 789, 50"
            ),
            (
                #"{"type":"chat.get_messages","conversation_id":3,"limit":"50","before_id":"789"}"#,
                "messages of 3 before 789, 50"
            ),
            (#"{"type":"chat.get_messages","conversation_id":3,"limit":1}"#, "messages of 3, 1"),
            (#"{"type":"chat.get_messages","conversation_id":3,"limit":null,"before_id":null}"#, "messages of 3"),
        ])
    func commands(_ frame: String, _ command: String) throws {
        #expect(try decoded(frame, by: dialect, from: .chat) == command)
    }

    @Test(
        "a wrong frame names what is wrong",
        arguments: [
            ("{}", "unknownFormat"), ("[]", "unknownFormat"), ("null", "unknownFormat"),
            (#"{"type":null}"#, "unknownFormat"), (#"{"type":7}"#, "unknownFormat"),
            (#"{"type":"chat.shout"}"#, "unknownFormat"), (#"{"type":"chat_message"}"#, "unknownFormat"),
            (#"{"type":"chat.messages","conversation_id":3}"#, "unknownFormat"),
            (#"{"receiver_id":2,"message":"x"}"#, "unknownFormat"),
            (#"{"type":"chat.message"}"#, "missing conversation_id"),
            (#"{"type":"chat.message","content":"x","conversation_id":null}"#, "missing conversation_id"),
            (#"{"type":"chat.message","conversation_id":3}"#, "missing content"),
            (#"{"type":"chat.message","conversation_id":3,"content":""}"#, "missing content"),
            (#"{"type":"chat.message","conversation_id":3,"content":null}"#, "missing content"),
            (#"{"type":"chat.message","conversation_id":3,"content":5}"#, "missing content"),
            (#"{"type":"chat.message","conversation_id":3,"content":"","attachment":""}"#, "missing content"),
            (#"{"type":"chat.message","conversation_id":3,"content":5,"attachment":"\#(url)"}"#, "missing content"),
            (#"{"type":"chat.message","conversation_id":3,"content":"x","attachment":"ftp://a/b"}"#, "badAttachment"),
            (#"{"type":"chat.message","conversation_id":3,"content":"x","attachment":{}}"#, "badAttachment"),
            (#"{"type":"chat.message","conversation_id":3,"content":"x","client_id":""}"#, "badClientID"),
            (#"{"type":"chat.message","conversation_id":3,"content":"x","client_id":7}"#, "badClientID"),
            (#"{"type":"chat.message","conversation_id":3,"attachment":"\#(url)","client_id":7}"#, "badClientID"),
            (#"{"type":"chat.typing","is_typing":true}"#, "missing receiver_id"),
            (#"{"type":"chat.typing","receiver_id":45}"#, "missing is_typing"),
            (#"{"type":"chat.typing","receiver_id":45,"is_typing":null}"#, "missing is_typing"),
            (#"{"type":"chat.typing","receiver_id":45,"is_typing":1}"#, "missing is_typing"),
            (#"{"type":"chat.typing","receiver_id":45,"is_typing":"true"}"#, "missing is_typing"),
            (#"{"type":"chat.read"}"#, "missing conversation_id"),
            (#"{"type":"chat.search_user"}"#, "missing keyword"),
            (#"{"type":"chat.search_user","keyword":5}"#, "missing keyword"),
            (#"{"type":"chat.search_user","keyword":null}"#, "missing keyword"),
            (#"{"type":"chat.start_conversation"}"#, "missing receiver_id"),
            (#"{"type":"chat.start_conversation","receiver_id":"john"}"#, "missing receiver_id"),
            (#"{"type":"chat.get_messages"}"#, "missing conversation_id"),
            (#"{"type":"chat.get_messages","conversation_id":3,"limit":0}"#, "badLimit"),
            (#"{"type":"chat.get_messages","conversation_id":3,"limit":-1}"#, "badLimit"),
            (#"{"type":"chat.get_messages","conversation_id":3,"limit":1.5}"#, "badLimit"),
            (#"{"type":"chat.get_messages","conversation_id":3,"limit":"all"}"#, "badLimit"),
            (#"{"type":"chat.get_messages","conversation_id":3,"limit":true}"#, "badLimit"),
            (#"{"type":"chat.get_messages","conversation_id":3,"before_id":"x"}"#, "badCursor"),
            (#"{"type":"chat.get_messages","conversation_id":3,"before_id":1.5}"#, "badCursor"),
            (#"{"type":"chat.get_messages","conversation_id":3,"before_id":[]}"#, "badCursor"),
        ])
    func wrongFrames(_ frame: String, _ refusal: String) throws {
        #expect(try decoded(frame, by: dialect, from: .chat) == "refused: \(refusal)")
    }

    @Test("other seats are not this dialect's", arguments: [.notifications, .room, .counter] as [Seat.Kind])
    func otherSeats(_ kind: Seat.Kind) throws {
        let frame = #"{"type":"chat.get_conversations"}"#
        #expect(try decoded(frame, by: dialect, from: kind) == "refused: unknownFormat")
    }

    @Test("its path needs a token, its clients ask for history, and they say when typing stops")
    func endpoint() {
        #expect(dialect.endpoints.map(\.path) == ["/ws/chat/"])
        #expect(dialect.endpoints.map(\.kind) == [.chat])
        #expect(dialect.endpoints.allSatisfy { $0.token == .required })
        #expect(!dialect.wantsBacklog)
        #expect(dialect.stopsTyping)
        #expect(!dialect.limitsRate)
        #expect(dialect.reads(from: .chat))
    }
}
