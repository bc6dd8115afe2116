import Chat
import Dialects
import Testing
import WebSocket

@testable import Server

@Suite struct FramesTests {
    private static let asha = User(id: UserID(1), username: "asha", name: "Asha Rao", college: nil)
    private static let time = Timestamp(microseconds: 1_767_702_600_000_000)
    private static let message = Event.message(
        Message(
            id: MessageID(7), conversation: ConversationID(3), sender: asha, text: "Hello", sentAt: time,
            for: [UserID(2)]))
    private static let read = Event.read(
        Receipt(conversation: ConversationID(3), reader: asha.id, authors: [UserID(2)], readAt: time))

    @Test(
        "each dialect and role has its own frame, or none, however often it is asked for",
        arguments: [
            (message, .erp, .other, true), (message, .campus, .other, true), (message, .conversations, .other, true),
            (message, .rooms, .other, false), (read, .erp, .author, true),
            (read, .erp, .other, false), (read, .campus, .author, false), (read, .conversations, .author, true),
            (read, .conversations, .other, true), (message, .socketio, .joined, true),
            (message, .socketio, .other, true), (read, .socketio, .other, true),
        ] as [(Event, DialectName, Role, Bool)])
    func frames(_ event: Event, _ name: DialectName, _ role: Role, _ isMade: Bool) {
        var frames = Frames(event)
        // Those of others must not be taken for it.
        for name in DialectName.allCases { for role in Role.allCases { _ = frames.frame(for: name, as: role) } }
        let first = frames.frame(for: name, as: role)
        #expect((first != nil) == isMade)
        #expect(frames.frame(for: name, as: role) == first)
        var alone = Frames(event)
        #expect(alone.frame(for: name, as: role) == first)
    }

    @Test("what an event of Socket.IO begins with leaves room for a header")
    func eventHead() {
        #expect(Frames.eventHead == FrameEncoder.room + Array("42[".utf8))
    }
}
