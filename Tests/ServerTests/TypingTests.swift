import Chat
import Testing

@testable import Server

@Suite struct TypingTests {
    private static let asha = UserID(1)
    private static let ben = UserID(2)
    private static let group = ConversationID(9)
    /// Three seconds are 12 ticks, and the one that has begun counts for nothing.
    private let patience: UInt32 = 13

    /// To Asha and Ben alone, and to both in a group.
    private let toAsha = Destination.person(asha), toBen = Destination.person(ben)
    private let toGroup = Destination.conversation(group)

    private func note(_ typing: inout Typing, _ destination: Destination, at now: UInt32) {
        let sign =
            switch destination {
            case .person(let reader): TypingSign(writer: UserID(3), readers: [reader], conversation: nil)
            case .conversation(let id):
                TypingSign(writer: UserID(3), readers: [Self.asha, Self.ben], conversation: id)
            }
        typing.note(sign, for: destination, at: now)
    }

    /// Who hears of these ends, in the order of their ids.
    private func readers(_ signs: [TypingSign]) -> [[UserID]] {
        #expect(signs.allSatisfy { !$0.isTyping && $0.writer == UserID(3) })
        return signs.map(\.readers).sorted { $0.count == $1.count ? $0[0] < $1[0] : $0.count < $1.count }
    }

    private func message(in conversation: ConversationID, for recipients: Recipients) -> Message {
        let writer = User(id: UserID(3), username: "chitra", name: "Chitra Sen", college: nil)
        return Message(
            id: MessageID(7), conversation: conversation, sender: writer, text: "Hello",
            sentAt: Timestamp(microseconds: 0), for: recipients)
    }

    @Test("nobody types at first, and there is nothing to wait for")
    func nothing() {
        var typing = Typing()
        #expect(typing.isEmpty)
        #expect(typing.deadline == .max)
        #expect(typing.takeEnded(at: 1_000_000).isEmpty)
        #expect(typing.takeAll().isEmpty)
        #expect(typing.end(for: toAsha) == nil)
        #expect(typing.end(with: message(in: Self.group, for: [Self.asha])).isEmpty)
    }

    @Test("typing ends three seconds after its last sign, once", arguments: [0, 100, 100_000] as [UInt32])
    func patience(_ start: UInt32) {
        var typing = Typing()
        note(&typing, toAsha, at: start)
        #expect(!typing.isEmpty)
        #expect(typing.deadline == start + patience)
        #expect(typing.takeEnded(at: start + patience - 1).isEmpty)
        note(&typing, toAsha, at: start + 5)
        #expect(typing.deadline == start + 5 + patience)
        #expect(typing.takeEnded(at: start + patience).isEmpty)
        #expect(readers(typing.takeEnded(at: start + 5 + patience)) == [[Self.asha]])
        #expect(typing.takeEnded(at: start + 5 + patience).isEmpty)
        #expect(typing.deadline == .max)
    }

    @Test("each place has a time of its own; the earliest is waited for")
    func places() {
        var typing = Typing()
        note(&typing, toAsha, at: 10)
        note(&typing, toGroup, at: 11)
        note(&typing, toBen, at: 12)
        #expect(typing.deadline == 10 + patience)
        #expect(readers(typing.takeEnded(at: 10 + patience)) == [[Self.asha]])
        #expect(typing.deadline == 11 + patience)
        #expect(readers(typing.takeEnded(at: 100)) == [[Self.ben], [Self.asha, Self.ben]])
        #expect(typing.isEmpty)
    }

    @Test("what is being sent ends it at once, if it went on there")
    func sending() throws {
        var typing = Typing()
        note(&typing, toAsha, at: 10)
        #expect(typing.end(for: toBen) == nil)
        #expect(typing.end(for: toGroup) == nil)
        let ended = typing.end(for: toAsha)
        #expect(readers([try #require(ended)]) == [[Self.asha]])
        #expect(typing.end(for: toAsha) == nil)
        #expect(typing.isEmpty)
    }

    @Test("a message to one person ends what was for that person alone")
    func toOne() {
        var typing = Typing()
        for destination in [toAsha, toBen, toGroup] { note(&typing, destination, at: 10) }
        #expect(readers(typing.end(with: message(in: ConversationID(4), for: [Self.asha]))) == [[Self.asha]])
        #expect(readers(typing.takeAll()) == [[Self.ben], [Self.asha, Self.ben]])
    }

    @Test("a message to a group ends what was for the group, and not what is for one in it")
    func toMany() {
        var typing = Typing()
        for destination in [toAsha, toBen, toGroup] { note(&typing, destination, at: 10) }
        let ended = typing.end(with: message(in: Self.group, for: [Self.asha, Self.ben]))
        #expect(readers(ended) == [[Self.asha, Self.ben]])
        #expect(readers(typing.takeAll()) == [[Self.asha], [Self.ben]])
    }

    @Test("all of it ends with the connection")
    func all() {
        var typing = Typing()
        note(&typing, toAsha, at: 10)
        note(&typing, toGroup, at: 12)
        #expect(readers(typing.takeAll()) == [[Self.asha], [Self.asha, Self.ben]])
        #expect(typing.takeAll().isEmpty)
        #expect(typing.deadline == .max)
    }
}
