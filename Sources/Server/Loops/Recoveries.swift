import Chat
import Synchronization

/// Clients of Socket.IO that may come back after their connection broke and hear what they missed: Socket.IO's
/// connection state recovery. Shared by all loops; nothing here is touched for a message.
final class Recoveries: Sendable {
    /// What somebody who comes back finds as it was.
    struct Kept: Sendable {
        let user: UserID
        /// The id of the client's socket.
        let sid: String
        /// After what it began to hear.
        var start = EventNumber(rawValue: 0)
        /// The conversations whose rooms it has joined.
        var joined: [ConversationID: Stay] = [:]
        /// The client that holds it; `nil` since its connection broke.
        fileprivate var holder: ConnectionID?
        fileprivate var lostAt: ContinuousClock.Instant?

        init(of user: UserID, sid: String) {
            self.user = user
            self.sid = sid
        }
    }

    /// Since which event somebody is in a room, and at which they were taken out of it.
    struct Stay: Equatable, Sendable {
        let since: EventNumber
        var until: EventNumber?
    }

    private struct State {
        var kept: [String: Kept] = [:]
        /// Whose connections broke, the longest ago first, and when; some of them have come back since.
        var lost: ArraySlice<(pid: String, at: ContinuousClock.Instant)> = []

        /// Forgets the one that was lost first, unless it came back.
        mutating func forgetFirst() {
            let (pid, time) = lost.removeFirst()
            if kept[pid]?.lostAt == time { kept[pid] = nil }
        }
    }

    private let state = Mutex(State())
    private let duration: Duration
    private let count = Atomic(0)
    /// How many may wait to be taken up again.
    private static let limit = 100_000

    /// - Parameter duration: How long a client may stay away; zero for no recovery at all.
    init(for duration: Duration) { self.duration = duration }

    var isEnabled: Bool { duration > .zero }

    /// Whether there is anybody who might come back, so that events must be kept.
    var isNeeded: Bool { count.load(ordering: .relaxed) > 0 }

    /// Keeps a new client's state under a new secret.
    func begin(_ kept: Kept, for client: ConnectionID) -> String? {
        guard isEnabled else { return nil }
        let pid = SessionID.random()
        change { state in
            state.kept[pid] = kept
            state.kept[pid]?.holder = client
        }
        return pid
    }

    /// A client of a person comes with a secret.
    ///
    /// - Returns: What was kept, and the client that holds it yet; `nil` for a secret that is not this person's.
    func takeUp(
        _ pid: String, by user: UserID, for client: ConnectionID, at now: ContinuousClock.Instant = .now
    ) -> (kept: Kept, former: ConnectionID?)? {
        change { state in
            guard let kept = state.kept[pid], kept.user == user else { return nil }
            if let lostAt = kept.lostAt, now - lostAt > duration { return nil }
            state.kept[pid]?.holder = client
            state.kept[pid]?.lostAt = nil
            return (kept, kept.holder)
        }
    }

    /// What is kept of a client, if it still holds it.
    func kept(_ pid: String, of client: ConnectionID) -> Kept? {
        state.withLock { $0.kept[pid].flatMap { $0.holder == client ? $0 : nil } }
    }

    /// Changes what is kept of a client, if it still holds it.
    func update(_ pid: String, of client: ConnectionID, _ body: (inout Kept) -> Void) {
        change { state in
            guard var kept = state.kept[pid], kept.holder == client else { return }
            body(&kept)
            state.kept[pid] = kept
        }
    }

    /// Somebody is no longer in a conversation, as of an event: they are out of its room.
    func remove(_ user: UserID, from conversation: ConversationID, at number: EventNumber) {
        change { state in
            for (pid, kept) in state.kept where kept.user == user {
                guard let stay = kept.joined[conversation], stay.since < number else { continue }
                state.kept[pid]?.joined[conversation]?.until = stay.until ?? number
            }
        }
    }

    /// A person was deleted: no client of theirs comes back.
    func forget(_ user: UserID) {
        change { state in state.kept = state.kept.filter { $0.value.user != user } }
    }

    /// The client's connection broke: it may come back.
    func lose(_ pid: String, of client: ConnectionID, at now: ContinuousClock.Instant = .now) {
        change { state in
            guard state.kept[pid]?.holder == client else { return }
            state.kept[pid]?.holder = nil
            state.kept[pid]?.lostAt = now
            state.lost.append((pid, now))
            if state.lost.count > Self.limit { state.forgetFirst() }
        }
    }

    /// The client will not come back.
    func end(_ pid: String, of client: ConnectionID) {
        change { state in
            if state.kept[pid]?.holder == client { state.kept[pid] = nil }
        }
    }

    /// Forgets who stayed away too long.
    func tidy(at now: ContinuousClock.Instant = .now) {
        if !isNeeded { return }
        change { state in
            let limit = now - duration
            while let first = state.lost.first, first.at <= limit { state.forgetFirst() }
        }
    }

    private func change<Result>(_ body: (inout State) -> Result) -> Result {
        state.withLock { state in
            defer { count.store(state.kept.count, ordering: .relaxed) }
            return body(&state)
        }
    }
}
