/// When the clients of a loop are sent away: one after the other, evenly over a time, so that they do not all come back at
/// once. Of several loops, each begins in its own part of the first interval, so that they take turns.
struct DrainPlan {
    let count: Int
    /// In milliseconds.
    let length: UInt64
    /// Where in the first interval it begins, from 0 to less than 1.
    let start: Double

    init(count: Int, over length: UInt64, loop: Int, of loops: Int) {
        self.count = count
        self.length = length
        start = Double(loop) / Double(loops)
    }

    /// How many are to have been sent away so many milliseconds after the beginning.
    func due(after elapsed: UInt64) -> Int {
        if elapsed >= length { return count }
        let intervals = Double(elapsed) / Double(length) * Double(count)
        return intervals < start ? 0 : min(count, Int(intervals - start) + 1)
    }
}
