import Chat
import Testing

@testable import Server

@Suite struct HeldBackTests {
    private let now = Timestamp(microseconds: 0)
    private let conversation = ConversationID(3)

    private func sign(_ writer: Int64, _ isTyping: Bool) -> Event {
        .typing(
            TypingSign(writer: UserID(writer), readers: [UserID(9)], conversation: conversation, isTyping: isTyping))
    }

    /// Which of some events are taken in.
    private func add(_ events: [Event], to held: inout HeldBack) -> [Bool] {
        var taken: [Bool] = []
        for event in events { taken.append(held.add(event)) }
        return taken
    }

    private func stops(_ held: HeldBack) -> [Int64] {
        held.events.compactMap { event in
            if case .typing(let sign) = event, !sign.isTyping { sign.writer.rawValue } else { nil }
        }
    }

    @Test("of what a later one replaces, the newest is left")
    func newest() {
        var held = HeldBack()
        let events = (1...3).flatMap { number -> [Event] in
            [
                .counterUsers(number), .unreadCount(number, of: UserID(9)),
                .counter(.increment(1), total: Int64(number), at: now),
            ]
        }
        let taken = add(events, to: &held)
        #expect(!taken.contains(false))
        #expect(held.events.count == 3)
        for event in held.events {
            switch event {
            case .counterUsers(3), .unreadCount(3, UserID(9)), .counter(.increment(3), 3, _): break
            default: Issue.record("\(event)")
            }
        }
    }

    @Test("a stop is told, a start is not, and neither where it goes on")
    func typing() {
        var held = HeldBack()
        let taken = add([sign(1, true), sign(1, false), sign(2, false), sign(2, true), sign(3, true)], to: &held)
        #expect(!taken.contains(false))
        #expect(stops(held) == [1])
    }

    @Test("more people than anybody sees are sent to the queue, which has a limit")
    func crowd() {
        var held = HeldBack()
        let first = add((0..<256).map { sign($0, false) }, to: &held)
        #expect(!first.contains(false))
        let others = add([sign(256, false), sign(256, true)], to: &held)
        #expect(others == [false, true])
        #expect(stops(held).count == 256)
    }

    @Test("who came and went is forgotten, what was said is not taken")
    func room() throws {
        let room = try #require(RoomName("r"))
        var held = HeldBack()
        let events: [Event] = [
            .room(room, .joined, except: nil), .room(room, .left, except: nil),
            .room(room, .said(text: "x", username: "y", at: now), except: nil),
            .removed(UserID(1), from: conversation),
        ]
        let taken = add(events, to: &held)
        #expect(taken == [true, true, false, false])
        #expect(held.events.isEmpty)
    }
}
