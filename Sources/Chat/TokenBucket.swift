/// Limits how often something happens: `burst` times at once, `rate` times a second in the long run.
package struct TokenBucket: Sendable {
    /// How a bucket fills. A rate of 0 sets no limit.
    package struct Limit: Sendable {
        package var rate: Double
        package var burst: Double

        package init(rate: Double, burst: Double) {
            self.rate = rate
            self.burst = burst
        }
    }

    private var tokens: Float
    private var filledAt: UInt32

    /// - Parameter now: Milliseconds on a clock that only goes forward; it may wrap around.
    package init(_ limit: Limit, at now: UInt32) {
        tokens = Float(limit.burst)
        filledAt = now
    }

    /// Takes one token; `false` when there is none.
    package mutating func take(_ limit: Limit, at now: UInt32) -> Bool {
        if limit.rate <= 0 { return true }
        let elapsed = Float(now &- filledAt) / 1000
        tokens = min(Float(limit.burst), tokens + elapsed * Float(limit.rate))
        filledAt = now
        if tokens < 1 { return false }
        tokens -= 1
        return true
    }
}
