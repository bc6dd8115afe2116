import Chat
import Cluster
import Storage
import Synchronization

/// Clients of Socket.IO that may come back after their connection broke and hear what they missed: Socket.IO's
/// connection state recovery. Shared by all loops; nothing here is touched for a message. In a cluster the store has a
/// copy of it all, for the other nodes (Recoveries+Sharing.swift).
final class Recoveries: Sendable {
    /// What somebody who comes back finds as it was.
    struct Kept: Sendable {
        let user: UserID
        /// The id of the client's socket.
        let sid: String
        /// After what it began to hear, and how far the store had got then.
        var start = EventNumber(rawValue: 0)
        var position = StorePosition.start
        /// The conversations whose rooms it has joined.
        var joined: [ConversationID: Stay] = [:]
        /// The client that holds it; `nil` since its connection broke.
        fileprivate var holder: ConnectionID?
        /// When that came back for it.
        fileprivate var cameBackAt: ContinuousClock.Instant?
        /// When that was, and what the time was then.
        fileprivate var lostAt: ContinuousClock.Instant?
        fileprivate(set) var lostAtTime: Timestamp?

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

    struct State {
        fileprivate(set) var kept: [String: Kept] = [:]
        /// The clients of each person.
        private var ofUser: [UserID: Set<String>] = [:]
        /// Whose connections broke, the longest ago first, and when; some of them have come back since.
        fileprivate var lost: ArraySlice<(pid: String, at: ContinuousClock.Instant)> = []
        /// What the store has to be told; `nil` where this is the only node.
        var unsaved: Unsaved?

        /// Forgets the one that was lost first, unless it came back.
        fileprivate mutating func forgetFirst() {
            let (pid, time) = lost.removeFirst()
            if kept[pid]?.lostAt == time { end(pid) }
        }

        fileprivate mutating func end(_ pid: String) {
            remove(pid)
            unsaved?.end(pid)
        }

        fileprivate mutating func insert(_ client: Kept, as pid: String) {
            kept[pid] = client
            ofUser[client.user, default: []].insert(pid)
        }

        fileprivate mutating func remove(_ pid: String) {
            guard let user = kept.removeValue(forKey: pid)?.user else { return }
            ofUser[user]?.remove(pid)
            if ofUser[user]?.isEmpty == true { ofUser[user] = nil }
        }

        fileprivate func clients(of user: UserID) -> Set<String> { ofUser[user] ?? [] }
    }

    let duration: Duration
    /// This node, where there may be others.
    let node: NodeID?
    private let state: Mutex<State>
    private let count = Atomic(0)
    private let save: @Sendable (Recoveries) -> Void
    /// How many may wait to be taken up again.
    private static let limit = 100_000

    /// - Parameters:
    ///   - duration: How long a client may stay away; zero for no recovery at all.
    ///   - node: This one, in a cluster.
    ///   - save: Has the writer call ``save(in:)``.
    init(for duration: Duration, as node: NodeID? = nil, save: @escaping @Sendable (Recoveries) -> Void = { _ in }) {
        self.duration = duration
        self.node = node
        self.save = save
        var state = State()
        if node != nil { state.unsaved = Unsaved() }
        self.state = Mutex(state)
    }

    var isEnabled: Bool { duration > .zero }

    /// Whether there is anybody who might come back, so that events must be kept.
    var isNeeded: Bool { count.load(ordering: .relaxed) > 0 }

    /// Keeps a new client's state under a new secret.
    func begin(_ kept: Kept, for client: ConnectionID) -> String? {
        guard isEnabled else { return nil }
        let pid = SessionID.random()
        change { state in
            state.insert(kept, as: pid)
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
            state.kept[pid]?.hold(by: client, at: now)
            return (kept, kept.holder)
        }
    }

    /// A client comes to this node from another one.
    ///
    /// - Parameter client: Which it is here; `nil` where its connection broke again meanwhile.
    func takeOver(_ returned: KeptClients.Client, for client: ConnectionID?, at number: EventNumber) {
        change { state in
            var kept = Kept(of: returned.user, sid: returned.sid)
            kept.position = returned.start
            for conversation in returned.joined { kept.joined[conversation] = Stay(since: number) }
            kept.holder = client
            kept.cameBackAt = .now
            state.insert(kept, as: returned.pid)
            state.unsaved?.tookOver(returned.pid)
        }
        if client == nil { lose(returned.pid, of: nil) }
    }

    /// A client has gone to another node, which tells so. One that has just come back may have been on its way meanwhile:
    /// then this is about the time before.
    ///
    /// - Returns: Which held it here.
    func giveUp(_ pid: String, at now: ContinuousClock.Instant = .now) -> ConnectionID? {
        change { state in
            if let time = state.kept[pid]?.cameBackAt, now - time < Self.crossing { return nil }
            defer {
                state.remove(pid)
                state.unsaved?.forget(pid)
            }
            return state.kept[pid]?.holder
        }
    }

    /// How long what nodes tell each other may be on its way, with much to spare.
    private static let crossing = Duration.seconds(1)

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
            state.unsaved?.note(pid)
        }
    }

    /// Somebody is no longer in a conversation, as of an event: they are out of its room.
    func remove(_ user: UserID, from conversation: ConversationID, at number: EventNumber) {
        change { state in
            for pid in state.clients(of: user) {
                guard let stay = state.kept[pid]?.joined[conversation], stay.since < number else { continue }
                state.kept[pid]?.joined[conversation]?.until = stay.until ?? number
                state.unsaved?.note(pid)
            }
        }
    }

    /// A person was deleted: no client of theirs comes back.
    func forget(_ user: UserID) {
        change { state in for pid in state.clients(of: user) { state.end(pid) } }
    }

    /// The client's connection broke: it may come back.
    func lose(_ pid: String, of client: ConnectionID?, at now: ContinuousClock.Instant = .now) {
        change { state in
            guard let kept = state.kept[pid], kept.holder == client else { return }
            state.kept[pid]?.holder = nil
            state.kept[pid]?.lostAt = now
            state.kept[pid]?.lostAtTime = .now
            state.unsaved?.note(pid)
            state.lost.append((pid, now))
            if state.lost.count > Self.limit { state.forgetFirst() }
        }
    }

    /// The client will not come back.
    func end(_ pid: String, of client: ConnectionID) {
        change { state in
            if state.kept[pid]?.holder == client { state.end(pid) }
        }
    }

    /// Forgets who stayed away too long.
    func tidy(at now: ContinuousClock.Instant = .now) {
        if !isNeeded, node == nil { return }
        change { state in
            let limit = now - duration
            while let first = state.lost.first, first.at <= limit { state.forgetFirst() }
            state.unsaved?.renewIfDue(at: now, every: interval)
        }
    }

    /// The store could not be told: that is tried again with the next second.
    func saveFailed() { state.withLock { $0.unsaved?.endSaving() } }

    /// Changes what is kept, and has the store told of that.
    func change<Result>(_ body: (inout State) -> Result) -> Result {
        let (result, isUnsaved) = state.withLock { state in
            let result = body(&state)
            count.store(state.kept.count, ordering: .relaxed)
            return (result, state.unsaved?.beginSaving() ?? false)
        }
        if isUnsaved { save(self) }
        return result
    }
}

extension Recoveries.Kept {
    fileprivate mutating func hold(by client: ConnectionID, at now: ContinuousClock.Instant) {
        (holder, cameBackAt) = (client, now)
        (lostAt, lostAtTime) = (nil, nil)
    }
}
