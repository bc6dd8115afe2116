/// Several changes of the counter as the few that make the same of it.
///
/// Clients add up what they hear, so that one who was told nothing for a while must be told the whole difference, and of a
/// reset.
package struct CounterDigest: Equatable, Sendable {
    /// The value that the changes lead away from: the one before the first of them, or the 0 of the last reset.
    private var base: Int64
    private var total: Int64
    private var hasReset: Bool
    private var latest: Timestamp

    /// - Parameter total: The value after `action`.
    package init(_ action: CounterAction, total: Int64, at time: Timestamp) {
        (self.total, latest) = (total, time)
        switch action {
        case .reset: (hasReset, base) = (true, 0)
        // The store made no change whose result has no room in 64 bits, so that there is a value before it.
        case .increment(let amount): (hasReset, base) = (false, total &- amount)
        case .decrement(let amount): (hasReset, base) = (false, total &+ amount)
        }
    }

    /// Adds the change that came next.
    package mutating func add(_ action: CounterAction, total: Int64, at time: Timestamp) {
        (self.total, latest) = (total, time)
        if case .reset = action { (hasReset, base) = (true, 0) }
    }

    /// What is to be told instead of all of them: nothing where they made no difference, two changes at most.
    package var events: [Event] {
        var (difference, overflows) = total.subtractingReportingOverflow(base)
        // Two numbers may be further apart than one can say; what a reset leaves is zero.
        if overflows { difference = total }
        var events: [Event] = []
        if hasReset || overflows { events.append(.counter(.reset, total: 0, at: latest)) }
        if difference > 0 || difference == .min {
            events.append(.counter(.increment(difference), total: total, at: latest))
        } else if difference < 0 {
            events.append(.counter(.decrement(-difference), total: total, at: latest))
        }
        return events
    }
}
