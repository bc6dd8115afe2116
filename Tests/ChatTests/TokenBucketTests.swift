import Chat
import Testing

@Suite struct TokenBucketTests {
    private let limit = TokenBucket.Limit(rate: 20, burst: 100)

    /// How many of `tries` are let through at one moment.
    private func taken(_ tries: Int, from bucket: inout TokenBucket, at now: UInt32) -> Int {
        (0..<tries).count { _ in bucket.take(limit, at: now) }
    }

    @Test("a burst passes at once, and no more")
    func burst() {
        var bucket = TokenBucket(limit, at: 5)
        #expect(taken(150, from: &bucket, at: 5) == 100)
    }

    @Test(
        "an empty bucket fills at its rate",
        arguments: [(0, 0), (49, 0), (50, 1), (1000, 20), (5000, 100)] as [(UInt32, Int)])
    func refill(_ milliseconds: UInt32, _ expected: Int) {
        var bucket = TokenBucket(limit, at: 0)
        _ = taken(100, from: &bucket, at: 0)
        #expect(taken(150, from: &bucket, at: milliseconds) == expected)
    }

    @Test("a rest of any length saves no more than one burst")
    func longRest() {
        var bucket = TokenBucket(limit, at: 0)
        _ = taken(50, from: &bucket, at: 0)
        #expect(taken(500, from: &bucket, at: 4_000_000_000) == 100)
    }

    @Test("parts of a token add up over tries that were refused")
    func parts() {
        var bucket = TokenBucket(limit, at: 0)
        _ = taken(100, from: &bucket, at: 0)
        let passed = (1...1000).count { bucket.take(limit, at: UInt32($0)) }
        #expect((19...20).contains(passed))
    }

    @Test("the clock may wrap around")
    func wrap() {
        var bucket = TokenBucket(limit, at: .max - 499)
        _ = taken(100, from: &bucket, at: .max - 499)
        #expect(taken(150, from: &bucket, at: 500) == 20)
    }

    @Test("a rate of 0 sets no limit")
    func unlimited() {
        let unlimited = TokenBucket.Limit(rate: 0, burst: 1)
        var bucket = TokenBucket(unlimited, at: 0)
        #expect((0..<10_000).allSatisfy { _ in bucket.take(unlimited, at: 0) })
    }
}
