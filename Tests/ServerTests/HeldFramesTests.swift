import Chat
import Testing

@testable import Server

/// A history among what is heard while it is looked up.
@Suite struct HeldFramesTests {
    /// A frame that is one byte, and the message in it.
    private typealias Heard = (frame: UInt8, message: Int64?)

    private static let history: UInt8 = 0xFF

    private static func order(_ heard: [Heard], newest: Int64?, frame: [UInt8]? = [history]) -> [UInt8] {
        let held = HeldFrames()
        for (frame, message) in heard { held.append([frame], message.map { MessageID($0) }) }
        if let newest { held.answer(frame, newest: MessageID(newest)) }
        return held.inOrder().flatMap(\.frame)
    }

    @Test(
        "what the history holds comes before it, and what came later behind it",
        arguments: [
            ([], 7, [history]),
            ([(1, 6)], 7, [1, history]),
            ([(1, 7)], 7, [1, history]),
            ([(1, 8)], 7, [history, 1]),
            ([(1, 6), (2, 7), (3, 8), (4, 9)], 7, [1, 2, history, 3, 4]),
            // An empty history.
            ([(1, 8)], 0, [history, 1]),
            // What is no message stays where it is, behind the messages that it came after.
            ([(1, nil)], 7, [history, 1]),
            ([(1, nil), (2, 7), (3, nil), (4, 8)], 7, [1, 2, history, 3, 4]),
            ([(1, 7), (2, nil), (3, nil)], 7, [1, history, 2, 3]),
            ([(1, nil), (2, 8), (3, nil)], 7, [history, 1, 2, 3]),
        ] as [([(frame: UInt8, message: Int64?)], Int64, [UInt8])])
    func places(_ heard: [(frame: UInt8, message: Int64?)], _ newest: Int64, _ expected: [UInt8]) {
        #expect(Self.order(heard, newest: newest) == expected)
    }

    @Test("a history that has no frame leaves all as it came")
    func noFrame() {
        #expect(Self.order([(1, 7), (2, nil), (3, 8)], newest: 7, frame: nil) == [1, 2, 3])
    }

    @Test("without an answer there is what was heard")
    func noAnswer() {
        #expect(Self.order([(1, 7), (2, nil), (3, 8)], newest: nil) == [1, 2, 3])
    }

    @Test("each message is known by its frame, and the history is none")
    func messages() {
        let held = HeldFrames()
        held.append([1], MessageID(7))
        held.append([2], nil)
        held.answer([3], newest: MessageID(7))
        #expect(held.inOrder().map(\.message) == [MessageID(7), nil, nil])
        #expect(held.reply?.newest == MessageID(7))
    }

    @Test("what is kept is counted in bytes, the history apart")
    func bytes() {
        let held = HeldFrames()
        #expect(held.bytes == 0)
        held.append([1, 2, 3], nil)
        held.append([4], MessageID(7))
        #expect(held.bytes == 4)
        held.answer([5, 6], newest: MessageID(7))
        #expect(held.bytes == 4)
    }
}
