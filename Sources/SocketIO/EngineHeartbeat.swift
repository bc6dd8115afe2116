/// When a client is asked for a sign of life, and when it is given up. Times are milliseconds.
struct EngineHeartbeat: Sendable {
    enum Action { case none, ping, giveUp }

    private enum State {
        case resting(until: UInt64)
        case awaitingPong(until: UInt64)
    }

    private let interval: UInt64
    private let timeout: UInt64
    private var state: State

    init(_ settings: EngineSettings, at now: UInt64) {
        interval = settings.pingInterval
        timeout = settings.pingTimeout
        state = .resting(until: now + interval)
    }

    var deadline: UInt64 {
        switch state {
        case .resting(let until), .awaitingPong(let until): until
        }
    }

    mutating func timePassed(at now: UInt64) -> Action {
        switch state {
        case .resting(let until) where now >= until:
            state = .awaitingPong(until: now + timeout)
            return .ping
        case .awaitingPong(let until) where now >= until: return .giveUp
        case .resting, .awaitingPong: return .none
        }
    }

    /// A pong that nobody asked for changes nothing: it could put off the next ping for ever.
    mutating func receivedPong(at now: UInt64) {
        if case .awaitingPong = state { state = .resting(until: now + interval) }
    }

    /// The client was not listened to for a while, so that it owes nothing.
    mutating func restart(at now: UInt64) { state = .resting(until: now + interval) }

    /// The client moved to a websocket: a ping that is under way gets its full time there.
    mutating func moved(at now: UInt64) {
        if case .awaitingPong = state { state = .awaitingPong(until: now + timeout) }
    }
}
