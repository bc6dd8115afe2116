import Chat
import Testing

/// One that can be passed around.
private final class Bucket: Sendable {
    private let shared = SharedBucket()

    func take(_ limit: TokenBucket.Limit, at now: Int64) -> Int64 { shared.take(limit, at: now) }
    func reserve(_ limit: TokenBucket.Limit, at now: Int64, longest: Int64) -> Int64 {
        shared.reserve(limit, at: now, longest: longest)
    }
    func isFull(at now: Int64) -> Bool { shared.isFull(at: now) }
}

@Suite struct SharedBucketTests {
    private let limit = TokenBucket.Limit(rate: 20, burst: 100)
    private let second: Int64 = 1_000_000

    /// How many of `tries` are let through at one moment.
    private func taken(_ tries: Int, from bucket: Bucket, at now: Int64) -> Int {
        (0..<tries).count { _ in bucket.take(limit, at: now) == 0 }
    }

    @Test("a burst passes at once, and no more")
    func burst() {
        #expect(taken(150, from: Bucket(), at: 5) == 100)
    }

    @Test(
        "an empty bucket fills at its rate",
        arguments: [(0, 0), (49_999, 0), (50_000, 1), (1_000_000, 20), (5_000_000, 100), (1 << 50, 100)]
            as [(Int64, Int)])
    func refill(_ microseconds: Int64, _ expected: Int) {
        let bucket = Bucket()
        _ = taken(100, from: bucket, at: second)
        #expect(taken(150, from: bucket, at: second + microseconds) == expected)
    }

    @Test("who finds it empty learns how long it takes")
    func wait() {
        let bucket = Bucket()
        _ = taken(100, from: bucket, at: second)
        let wait = bucket.take(limit, at: second)
        #expect(wait == 50_000)
        #expect(bucket.take(limit, at: second + wait - 1) > 0)
        #expect(bucket.take(limit, at: second + wait) == 0)
    }

    @Test("a burst of one and a rate of less than one a second", arguments: [0.01, 0.5, 1])
    func slow(_ rate: Double) {
        let bucket = Bucket()
        let limit = TokenBucket.Limit(rate: rate, burst: 1)
        #expect(bucket.take(limit, at: second) == 0)
        let wait = bucket.take(limit, at: second)
        #expect(wait == Int64(1e6 / rate))
        #expect(bucket.take(limit, at: second + wait) == 0)
    }

    @Test("a rate of 0 sets no limit")
    func unlimited() {
        let bucket = Bucket()
        let limit = TokenBucket.Limit(rate: 0, burst: 1)
        #expect((0..<1000).allSatisfy { _ in bucket.take(limit, at: 0) == 0 })
        #expect(bucket.isFull(at: 0))
    }

    @Test("it is full again when all has come back")
    func full() {
        let bucket = Bucket()
        _ = taken(3, from: bucket, at: second)
        #expect(!bucket.isFull(at: second + 149_999))
        #expect(bucket.isFull(at: second + 150_000))
    }

    @Test("whoever reserves comes behind the one before, and not later than allowed")
    func reserve() {
        let bucket = Bucket()
        let waits = (0..<5).map { _ in bucket.reserve(limit, at: second, longest: 200_000) }
        #expect(waits == [50_000, 100_000, 150_000, 200_000, 200_000])
        #expect(bucket.reserve(limit, at: 9 * second, longest: 200_000) == 50_000)
    }

    @Test("threads that take at once get no more than there is")
    func threads() async {
        let bucket = Bucket()
        let limit = limit
        let passed = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { (0..<1000).count { _ in bucket.take(limit, at: 7) == 0 } }
            }
            return await group.reduce(0, +)
        }
        #expect(passed == 100)
    }
}
