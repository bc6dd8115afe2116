import Chat

/// Counts what happens by key, each key over a minute from its first time on.
struct MinuteCounts<Key: Hashable> {
    private struct Count {
        var number = 0
        var since: Timestamp
    }

    private static var window: Duration { .seconds(60) }
    /// More keys than this at once are an attack on memory: the older half is forgotten.
    private static var capacity: Int { 10_000 }

    private var counts: [Key: Count] = [:]

    var isEmpty: Bool { counts.isEmpty }

    /// How often the key has come up in its minute.
    func number(of key: Key, at now: Timestamp) -> Int {
        guard let count = counts[key], count.since + Self.window > now else { return 0 }
        return count.number
    }

    /// How many seconds are left of the key's minute, where it has come up `limit` times in it.
    func wait(for key: Key, limit: Int, at now: Timestamp) -> Int? {
        guard let count = counts[key], count.number >= limit else { return nil }
        let end = count.since + Self.window
        return end > now ? Int((end.microseconds - now.microseconds + 999_999) / 1_000_000) : nil
    }

    /// - Returns: How often it has come up, this time included.
    @discardableResult
    mutating func add(_ key: Key, at now: Timestamp) -> Int {
        if counts.count >= Self.capacity { makeRoom(at: now) }
        var count = counts[key] ?? Count(since: now)
        if count.since + Self.window <= now { count = Count(since: now) }
        count.number += 1
        counts[key] = count
        return count.number
    }

    private mutating func makeRoom(at now: Timestamp) {
        counts = counts.filter { $0.value.since + Self.window > now }
        if counts.count < Self.capacity { return }
        let median = counts.values.map(\.since).sorted()[counts.count / 2]
        counts = counts.filter { $0.value.since > median }
    }

    /// Takes back what was added.
    mutating func remove(_ key: Key) { counts[key]?.number -= 1 }
}
