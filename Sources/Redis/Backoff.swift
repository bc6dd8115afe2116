/// How long to wait before the next attempt: longer each time, and never quite as long as others do.
struct Backoff {
    private var attempts = 0

    /// Milliseconds before the first retry, and the most there are.
    static let least = 50, most = 2000

    /// Milliseconds: half of what is due, and a part of the other half by chance, so that many don't come back at once.
    mutating func next(using generator: inout some RandomNumberGenerator) -> Int {
        let due = min(Self.most, Self.least << min(attempts, 10))
        attempts += 1
        return Int.random(in: due / 2...due, using: &generator)
    }

    mutating func reset() { attempts = 0 }
}
