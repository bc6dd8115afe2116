import Dialects
import Testing

/// Who speaks on a path that Campus and Conversations share is settled by the first frame, once (INTEROP.md).
@Suite struct RecognitionTests {
    private static let conversations = [
        #"{"type":"chat.message","conversation_id":123,"content":"Hello!"}"#,
        #"{"type":"chat.typing","receiver_id":45,"is_typing":true}"#,
        #"{"type":"chat.read","conversation_id":123}"#, #"{"type":"chat.search_user","keyword":"john"}"#,
        #"{"type":"chat.start_conversation","receiver_id":45}"#, #"{"type":"chat.get_conversations"}"#,
        #"{"type":"chat.get_messages","conversation_id":123}"#, #"{"type":"chat.unknown"}"#, #"{"type":"chat."}"#,
        // What Campus has too does not make it Campus.
        #"{"type":"chat.message","conversation_id":123,"content":"x","attachment":"https://a/b"}"#,
        #"{"message":"x","attachment":"https://a/b","receiver_id":2,"type":"chat.typing"}"#,
    ]

    private static let campus = [
        #"{"receiver_id":123,"message":"Hello, how are you?","attachment":"https://a/b"}"#,
        #"{"receiver_id":2,"message":"Test message"}"#, #"{"receiver_id":2,"attachment":"https://a/b"}"#,
        #"{"receiver_id":2}"#, #"{"message":"x"}"#, #"{"attachment":"https://a/b"}"#, #"{"receiver_id":null}"#,
    ]

    private static let nobodys = [
        "{}", "[]", "null", "7", #""chat.message""#, #"["chat.message"]"#, #"{"type":null}"#, #"{"type":"chat"}"#,
        #"{"type":"Chat.message"}"#, #"{"type":"chat_message","message":"Hi","recipient_id":5}"#,
        #"{"type":"typing","receiver_id":5}"#, #"{"type":7,"message":"x"}"#, #"{"type":null,"message":"x"}"#,
        #"{"type":["chat.message"]}"#, #"{"conversation_id":3,"content":"x"}"#,
    ]

    /// The names of the dialects that say that a frame can only be theirs.
    private func claimants(_ text: String) throws -> [DialectName] {
        let frame = try frame(text)
        return DialectName.allCases.filter { $0.dialect.recognizes(frame) }
    }

    @Test("what has a type that starts with chat. is Conversations' alone", arguments: conversations)
    func ofConversations(_ text: String) throws {
        #expect(try claimants(text) == [.conversations])
    }

    @Test("what has no type, and a receiver, a message or an attachment is Campus' alone", arguments: campus)
    func ofCampus(_ text: String) throws {
        #expect(try claimants(text) == [.campus])
    }

    @Test("anything else changes nothing", arguments: nobodys)
    func ofNobody(_ text: String) throws {
        #expect(try claimants(text) == [])
    }
}
