import Chat

/// When connections want to be looked at again, in ticks of a quarter of a second: one list for each tick of about
/// two minutes. Setting a later time costs nothing; what is further away than the wheel is looked at once a round.
final class DeadlineWheel {
    /// Ticks a second.
    static let resolution: UInt32 = 4

    // Unchecked: an id has no code that is run when it goes.
    @safe @exclusivity(unchecked) private var buckets = [[ConnectionID]](repeating: [], count: 512)
    private(set) var now: UInt32 = 0

    /// Has a connection come up at `tick`, or at the end of the wheel where that is sooner.
    ///
    /// - Returns: The tick at which it comes up.
    func schedule(_ connection: ConnectionID, at tick: UInt32) -> UInt32 {
        let tick = min(max(tick, now + 1), now + UInt32(buckets.count - 1))
        buckets[Int(tick) % buckets.count].append(connection)
        return tick
    }

    /// Moves on by one tick.
    ///
    /// - Returns: Who was scheduled for it; some may have been scheduled anew since.
    func advance() -> [ConnectionID] {
        now += 1
        var due: [ConnectionID] = []
        swap(&due, &buckets[Int(now) % buckets.count])
        return due
    }

    /// The ticks of a duration, rounded up; two years at the most, so that sums of a few stay in range.
    static func ticks(_ duration: Duration) -> UInt32 { ticks(milliseconds: duration.milliseconds) }

    /// The same without the arithmetic of durations, which is of 128 bits.
    static func ticks(milliseconds: Int64) -> UInt32 {
        let milliseconds = min(milliseconds, Int64(1 << 28) * 1000 / Int64(resolution))
        return UInt32(clamping: (milliseconds * Int64(resolution) + 999) / 1000)
    }
}
