import Chat
import Testing

@Suite struct CounterDigestTests {
    /// What a client that shows `value` shows after what it is told of `actions`, and how many that are.
    private func shown(_ value: Int64, after actions: [CounterAction]) throws -> (value: Int64, count: Int) {
        var (total, digest): (Int64, CounterDigest?) = (value, nil)
        for (number, action) in actions.enumerated() {
            total = try #require(action.applied(to: total))
            let time = Timestamp(microseconds: Int64(number))
            if digest?.add(action, total: total, at: time) == nil {
                digest = CounterDigest(action, total: total, at: time)
            }
        }
        let events = try #require(digest?.events)
        var shown = value
        for event in events {
            guard case .counter(let action, let told, let time) = event else { continue }
            shown = try #require(action.applied(to: shown))
            #expect(told == shown)
            #expect(time.microseconds == Int64(actions.count - 1))
        }
        #expect(shown == total)
        return (shown, events.count)
    }

    @Test(
        "a client that hears of them late shows what the others show",
        arguments: [
            (0, [.increment(5)], 1), (7, [.increment(5), .decrement(2), .increment(-4)], 1),
            (7, [.decrement(9)], 1), (7, [.increment(5), .decrement(5)], 0), (7, [.reset], 1),
            (7, [.reset, .increment(3)], 2), (7, [.increment(3), .reset], 1), (7, [.reset, .increment(2), .reset], 1),
            (.min, [.increment(.max), .increment(.max), .increment(1)], 2),
            (.max, [.decrement(.max), .decrement(.max)], 2),
            (0, [.increment(.min)], 1), (0, [.reset, .increment(.min)], 2), (.max, [.reset, .increment(.max)], 2),
        ] as [(Int64, [CounterAction], Int)])
    func digests(_ value: Int64, _ actions: [CounterAction], _ count: Int) throws {
        #expect(try shown(value, after: actions).count == count)
    }

    @Test("of any changes, two are left at the most")
    func random() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let actions: [CounterAction] = (0..<Int.random(in: 1...20, using: &generator)).map { _ in
                switch Int.random(in: 0..<7, using: &generator) {
                case 0: .reset
                case 1...3: .increment(.random(in: -1000...1000, using: &generator))
                default: .decrement(.random(in: -1000...1000, using: &generator))
                }
            }
            #expect(try shown(.random(in: -1000...1000, using: &generator), after: actions).count <= 2)
        }
    }
}
