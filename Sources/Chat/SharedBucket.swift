import Synchronization

/// A ``TokenBucket`` that several threads take from, without a lock.
///
/// It is one number: the moment at which it will be full again. Each token moves that on by what one takes to come back.
package struct SharedBucket: ~Copyable, Sendable {
    /// In microseconds.
    private let fullAt = Atomic<Int64>(0)

    package init() {}

    /// Takes one token.
    ///
    /// - Parameter now: Microseconds on a clock that only goes forward. Threads may see it a little apart.
    /// - Returns: 0, or how many microseconds to wait for a token where there is none. A rate of 0 sets no limit.
    package func take(_ limit: TokenBucket.Limit, at now: Int64) -> Int64 {
        if limit.rate <= 0 { return 0 }
        let interval = limit.interval
        let room = Int64(min(limit.burst * 1e6 / limit.rate, Self.longest))
        var seen = fullAt.load(ordering: .relaxed)
        while true {
            let taken = max(seen, now) + interval
            if taken - now > max(room, interval) { return taken - now - room }
            let (exchanged, original) = fullAt.weakCompareExchange(
                expected: seen, desired: taken, ordering: .relaxed)
            if exchanged { return 0 }
            seen = original
        }
    }

    /// Takes one token of those to come, so that whoever comes back for it finds one.
    ///
    /// - Parameter longest: How many microseconds somebody is put off at the most.
    /// - Returns: How many microseconds it is until then.
    package func reserve(_ limit: TokenBucket.Limit, at now: Int64, longest: Int64) -> Int64 {
        var seen = fullAt.load(ordering: .relaxed)
        while true {
            let reserved = min(max(seen, now) + limit.interval, now + longest)
            let (exchanged, original) = fullAt.weakCompareExchange(
                expected: seen, desired: reserved, ordering: .relaxed)
            if exchanged { return reserved - now }
            seen = original
        }
    }

    /// Takes tokens whether there are any or not: they were given out elsewhere.
    package func spend(_ count: Int, _ limit: TokenBucket.Limit, at now: Int64) {
        let (product, isTooMuch) = limit.interval.multipliedReportingOverflow(by: Int64(count))
        let cost = isTooMuch ? Int64(Self.longest) : min(product, Int64(Self.longest))
        var seen = fullAt.load(ordering: .relaxed)
        while true {
            let (exchanged, original) = fullAt.weakCompareExchange(
                expected: seen, desired: max(seen, now) + cost, ordering: .relaxed)
            if exchanged { return }
            seen = original
        }
    }

    /// Whether nothing has been taken that has not come back.
    package func isFull(at now: Int64) -> Bool { fullAt.load(ordering: .relaxed) <= now }

    /// Thirty years.
    fileprivate static let longest = 1e15
}

extension TokenBucket.Limit {
    /// How many microseconds a token takes to come.
    fileprivate var interval: Int64 { max(1, Int64(min(1e6 / rate, SharedBucket.longest))) }
}
