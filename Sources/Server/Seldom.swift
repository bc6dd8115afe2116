/// What is said in the log once in ten seconds, however often it happens.
struct Seldom {
    private var saidAt: UInt32?

    /// - Parameter tick: Of the wheel, now.
    mutating func isDue(at tick: UInt32) -> Bool {
        if let saidAt, tick - saidAt < 10 * DeadlineWheel.resolution { return false }
        saidAt = tick
        return true
    }
}
