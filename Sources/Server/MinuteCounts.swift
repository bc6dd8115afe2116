import Chat

/// Counts what happens by key, each key over a minute from its first time on.
struct MinuteCounts<Key: Hashable> {
    private struct Count {
        var number = 0
        var since: Timestamp
    }

    private static var window: Duration { .seconds(60) }
    /// More keys than this at once are an attack on memory.
    private static var capacity: Int { 10_000 }

    private var counts: [Key: Count] = [:]

    /// How many seconds are left of the key's minute, where it has come up `limit` times in it.
    func wait(for key: Key, limit: Int, at now: Timestamp) -> Int? {
        guard let count = counts[key], count.number >= limit else { return nil }
        let end = count.since + Self.window
        return end > now ? Int((end.microseconds - now.microseconds + 999_999) / 1_000_000) : nil
    }

    mutating func add(_ key: Key, at now: Timestamp) {
        if counts.count >= Self.capacity {
            counts = counts.filter { $0.value.since + Self.window > now }
            if counts.count >= Self.capacity { counts = [:] }
        }
        var count = counts[key] ?? Count(since: now)
        if count.since + Self.window <= now { count = Count(since: now) }
        count.number += 1
        counts[key] = count
    }

    /// Takes back what was added.
    mutating func remove(_ key: Key) { counts[key]?.number -= 1 }
}
