/// What is said in the log once in ten seconds, however often it happens.
struct Seldom {
    private var saidAt: UInt64?

    /// - Parameter now: On the loop's clock, in milliseconds.
    mutating func isDue(at now: UInt64) -> Bool {
        if let saidAt, now - saidAt < 10_000 { return false }
        saidAt = now
        return true
    }
}
