import Chat
import Testing

@testable import Cluster

/// The order of batches, and what is read from the store in their place.
@Suite final class SequencerTests {
    private typealias Item = Sequencer<String>.Item

    private var sequencer = Sequencer<String>(after: 10, at: .at(100))
    private var now: UInt64 = 1000

    /// A batch that stored ten messages.
    private static func own(_ number: Int64) -> Item {
        Item(number, before: .at((number - 1) * 10), after: .at(number * 10), .own("own \(number)"))
    }

    private static func others(_ number: Int64, isComplete: Bool = true) -> Item {
        Item(number, before: .at((number - 1) * 10), after: .at(number * 10), .others([], isComplete: isComplete))
    }

    /// Takes all steps, in short words, without those that wait for somebody.
    private func steps(patience: UInt64 = 200) -> [String] {
        var steps: [String] = []
        while steps.count < 100 {
            let step = sequencer.next(at: now, patience: patience)
            switch step {
            case .deliver(let item): steps.append("\(item.number)")
            case .deliverRest(let item): steps.append("rest of \(item.number)")
            case .fill(let start, let end):
                steps.append("fill \(start.message)-\(end.message)")
                return steps
            case .look:
                steps.append("look")
                return steps
            case .wait: return steps
            }
        }
        return steps
    }

    private func filled(upTo position: StorePosition, isComplete: Bool) -> Bool {
        sequencer.filled(upTo: position, isComplete: isComplete) == .batches
    }

    @Test("batches are delivered by their numbers, whatever the order in which they come")
    func order() {
        for item in [Self.others(13), Self.own(12), Self.others(11)] { sequencer.add(item) }
        #expect(steps() == ["11", "12", "13"])
        #expect(sequencer.position == .at(130))
        #expect(sequencer.lag == 0)
    }

    @Test("one that comes twice is delivered once")
    func twice() {
        for item in [Self.others(11), Self.others(12), Self.others(12)] { sequencer.add(item) }
        #expect(steps() == ["11", "12"])
    }

    @Test("what is missing may come for a while")
    func patience() {
        sequencer.add(Self.others(12))
        #expect(steps() == [])
        now += 199
        #expect(steps() == [])
        sequencer.add(Self.others(11))
        #expect(steps() == ["11", "12"])
    }

    @Test("what does not come is read from the store, up to what came behind it")
    func gap() {
        sequencer.add(Self.own(13))
        _ = steps()
        now += 200
        #expect(steps() == ["fill 100-120"])
        #expect(steps() == [], "one at a time")
        #expect(filled(upTo: .at(120), isComplete: true))
        #expect(steps() == ["13"])
        #expect(sequencer.number == 13)
    }

    @Test("long gaps are read in parts")
    func parts() {
        sequencer.add(Self.own(13))
        #expect(steps(patience: 0) == ["fill 100-120"])
        #expect(!filled(upTo: .at(110), isComplete: false))
        #expect(steps(patience: 0) == ["fill 110-120"])
        #expect(filled(upTo: .at(120), isComplete: true))
        #expect(steps() == ["13"])
    }

    @Test("what comes while a gap is read in parts is not delivered beside it")
    func lateBetweenParts() {
        sequencer.add(Self.own(13))
        #expect(steps(patience: 0) == ["fill 100-120"])
        sequencer.add(Self.others(11))
        #expect(!filled(upTo: .at(105), isComplete: false))
        #expect(steps(patience: 0) == ["fill 105-120"])
        sequencer.add(Self.others(12))
        sequencer.fillFailed(at: now)
        #expect(steps(patience: 0) == [])
        now += 200
        #expect(steps(patience: 0) == ["fill 105-120"])
        #expect(filled(upTo: .at(120), isComplete: true))
        #expect(steps(patience: 0) == ["rest of 11", "rest of 12", "13"])
    }

    @Test("nothing is passed over that this node has committed itself and not told yet")
    func ownFirst() {
        // 11 may be its own.
        sequencer.add(Self.others(12))
        #expect(steps(patience: 0) == ["look"])
        #expect(steps(patience: 0) == [], "it is asked once")
        now += 200
        #expect(steps(patience: 0) == ["look"], "or again after a while")
        sequencer.add(Self.own(11))
        sequencer.saw(12, .at(120))
        #expect(steps(patience: 0) == ["11", "12"])
    }

    @Test("once the writer has spoken, what is missing is others'")
    func afterTheWriter() {
        sequencer.add(Self.others(12))
        #expect(steps(patience: 0) == ["look"])
        sequencer.saw(12, .at(120))
        #expect(steps(patience: 0) == ["fill 100-110"])
        #expect(filled(upTo: .at(110), isComplete: true))
        #expect(steps(patience: 0) == ["12"])
    }

    @Test("where nothing comes at all, the store is read up to what the writer saw")
    func silence() {
        sequencer.heard(of: 14)
        #expect(sequencer.lag == 4)
        #expect(steps(patience: 0) == ["look"])
        sequencer.saw(14, .at(140))
        #expect(steps(patience: 0) == ["fill 100-140"])
        #expect(filled(upTo: .at(140), isComplete: true))
        #expect(steps(patience: 0) == [])
        #expect(sequencer.number == 14)
    }

    @Test("of what comes late, only that is delivered which the store does not tell")
    func late() {
        sequencer.saw(12, .at(120))
        #expect(steps(patience: 0) == ["fill 100-120"])
        sequencer.add(Self.others(11))
        #expect(filled(upTo: .at(120), isComplete: true))
        sequencer.add(Self.others(12))
        #expect(steps(patience: 0) == ["rest of 11", "rest of 12"])
    }

    @Test("a batch of a node that did not know of somebody here is completed from the store")
    func incomplete() {
        sequencer.add(Self.others(11, isComplete: false))
        sequencer.add(Self.others(12))
        #expect(steps() == ["fill 100-110"], "at once")
        #expect(!filled(upTo: .at(110), isComplete: true), "no batch is missing")
        #expect(steps() == ["rest of 11", "12"])
    }

    @Test("a store that can't be read is tried again later")
    func failure() {
        sequencer.add(Self.own(12))
        #expect(steps(patience: 0) == ["fill 100-110"])
        sequencer.fillFailed(at: now)
        #expect(steps(patience: 0) == [])
        now += 200
        #expect(steps(patience: 0) == ["fill 100-110"])
    }

    @Test("of others' batches so many wait, of one's own all")
    func limit() {
        for number in 0..<Int64(Sequencer<String>.limit) { sequencer.add(Self.others(12 + number)) }
        sequencer.add(Self.others(50_000))
        #expect(sequencer.waiting == Sequencer<String>.limit)
        sequencer.add(Self.own(60_000))
        #expect(sequencer.waiting == Sequencer<String>.limit + 1)
    }
}

extension StorePosition {
    fileprivate static func at(_ number: Int64) -> StorePosition {
        StorePosition(message: MessageID(number), notification: NotificationID(0))
    }
}
