import Chat
import Testing

@testable import Server

@Suite struct TypingTests {
    private let asha = UserID(1)
    private let ben = UserID(2)
    /// Three seconds are 12 ticks, and the one that has begun counts for nothing.
    private let patience: UInt32 = 13

    @Test("nobody types at first, and there is nothing to wait for")
    func nothing() {
        var typing = Typing()
        #expect(typing.deadline == .max)
        #expect(typing.takeEnded(at: 1_000_000) == [])
        #expect(typing.takeAll() == [])
        #expect(typing.end(for: asha) == false)
    }

    @Test("typing ends three seconds after its last sign, once", arguments: [0, 100, 100_000] as [UInt32])
    func patience(_ start: UInt32) {
        var typing = Typing()
        typing.sign(for: asha, at: start)
        #expect(typing.deadline == start + patience)
        #expect(typing.takeEnded(at: start + patience - 1) == [])
        typing.sign(for: asha, at: start + 5)
        #expect(typing.deadline == start + 5 + patience)
        #expect(typing.takeEnded(at: start + patience) == [])
        #expect(typing.takeEnded(at: start + 5 + patience) == [asha])
        #expect(typing.takeEnded(at: start + 5 + patience) == [])
        #expect(typing.deadline == .max)
    }

    @Test("each reader has a time of their own; the earliest is waited for")
    func readers() {
        var typing = Typing()
        typing.sign(for: asha, at: 10)
        typing.sign(for: ben, at: 12)
        #expect(typing.deadline == 10 + patience)
        #expect(typing.takeEnded(at: 10 + patience) == [asha])
        #expect(typing.deadline == 12 + patience)
        #expect(typing.takeEnded(at: 100) == [ben])
    }

    @Test("what has been sent ends it at once, if it went on")
    func sent() {
        var typing = Typing()
        typing.sign(for: asha, at: 10)
        #expect(typing.end(for: ben) == false)
        #expect(typing.end(for: asha) == true)
        #expect(typing.end(for: asha) == false)
        #expect(typing.deadline == .max)
        #expect(typing.takeEnded(at: 100) == [])
    }

    @Test("all of it ends with the connection")
    func all() {
        var typing = Typing()
        typing.sign(for: asha, at: 10)
        typing.sign(for: ben, at: 12)
        #expect(Set(typing.takeAll()) == [asha, ben])
        #expect(typing.takeAll() == [])
        #expect(typing.deadline == .max)
    }
}
