/// Decides when a connection is pinged, and when it is given up. Times are ticks of a ``DeadlineWheel``.
struct Heartbeat {
    enum Action { case ping, close, wait }

    /// How often to ping, and how long a peer may stay silent after it.
    struct Rhythm {
        let interval: UInt32
        let patience: UInt32
    }

    private var nextPing: UInt32
    private var lastPing: UInt32?

    init(_ rhythm: Rhythm, at now: UInt32) {
        nextPing = now + rhythm.interval
    }

    /// The peer was pinged for another reason, which will do as well.
    mutating func pinged(at now: UInt32) { if lastPing == nil { lastPing = now } }

    /// The peer has shown otherwise that it lives, and goes on to owe an answer.
    mutating func extend(at now: UInt32) { lastPing = now }

    /// Whatever a peer sends shows that it lives.
    mutating func heard() { lastPing = nil }

    /// When to ask again.
    func deadline(_ rhythm: Rhythm) -> UInt32 { lastPing.map { $0 + rhythm.patience } ?? nextPing }

    mutating func timePassed(_ rhythm: Rhythm, at now: UInt32) -> Action {
        if let lastPing { return now >= lastPing + rhythm.patience ? .close : .wait }
        if now < nextPing { return .wait }
        lastPing = now
        nextPing = now + rhythm.interval
        return .ping
    }
}
