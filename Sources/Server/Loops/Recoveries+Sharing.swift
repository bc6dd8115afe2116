import Chat
import Cluster
import Storage

// What other nodes of the cluster have to know of the clients that may come back to them: it is in the store.

extension Recoveries {
    /// Which clients' states in the store are out of date.
    struct Unsaved {
        /// With a number that tells whether one has changed again since it was saved.
        private var pids: [String: UInt64] = [:]
        private var number: UInt64 = 0
        /// Those that the store knows for certain.
        private var saved: Set<String> = []
        /// Whether the writer is asked to save them.
        private var isSaving = false
        /// When this node has said last that it is there, and whether it is to say so.
        private var renewedAt: ContinuousClock.Instant?
        private var renews = true

        /// Clients that are saved in one transaction.
        fileprivate static let slice = 1000

        mutating func note(_ pid: String) {
            number += 1
            pids[pid] = number
        }

        /// A client is gone for good. One that is new may be on its way to the store.
        mutating func end(_ pid: String) { if saved.contains(pid) || isSaving { note(pid) } else { pids[pid] = nil } }

        /// It is another node's from here on.
        mutating func forget(_ pid: String) {
            pids[pid] = nil
            saved.remove(pid)
        }

        /// The store has made it this node's.
        mutating func tookOver(_ pid: String) { saved.insert(pid) }

        mutating func renewIfDue(at now: ContinuousClock.Instant, every interval: Duration) {
            if let renewedAt, now - renewedAt < interval { return }
            renewedAt = now
            renews = true
        }

        /// Whether the writer has to be asked.
        mutating func beginSaving() -> Bool {
            if isSaving || pids.isEmpty && (!renews || renewedAt == nil) { return false }
            isSaving = true
            return true
        }

        /// Some of them, and whether this node has to say that it is there.
        fileprivate var next: (pids: [(pid: String, number: UInt64)], renews: Bool) {
            (pids.prefix(Self.slice).map { ($0.key, $0.value) }, renews)
        }

        fileprivate func isNew(_ pid: String) -> Bool { !saved.contains(pid) }

        /// The writer has nothing to save any more.
        mutating func endSaving() { isSaving = false }

        fileprivate mutating func wasSaved(_ pid: String, _ number: UInt64, isEnd: Bool) {
            if pids[pid] == number { pids[pid] = nil }
            if isEnd { saved.remove(pid) } else { saved.insert(pid) }
        }

        /// - Parameter isForgotten: Whether others had taken this node for gone, and with it all that was saved.
        fileprivate mutating func wasRenewed(isForgotten: Bool) {
            renews = false
            guard isForgotten else { return }
            for pid in saved { note(pid) }
            saved = []
        }
    }

    /// What a client says that it was.
    struct Claim: Sendable {
        fileprivate let pid: String
        fileprivate let user: UserID
        fileprivate let node: String
        fileprivate let patience, interval: Duration

        /// Has the store make the client this node's, inside a transaction.
        func make(in store: Store) throws(StoreError) -> KeptClients.Returned? {
            try store.keptClients?.takeUp(
                pid, of: user, by: node, at: .now, patience: patience, interval: interval)
        }
    }

    /// - Returns: `nil` where this is the only node.
    func claim(_ pid: String, by user: UserID) -> Claim? {
        node.map { Claim(pid: pid, user: user, node: $0.text, patience: duration, interval: interval) }
    }

    /// How often this node says that it is there.
    var interval: Duration { max(.seconds(1), min(.seconds(10), duration / 4)) }

    /// The most rooms in which a client may be; one that is in more does not come back to another node.
    private static let mostRooms = 1000

    /// The store did not know this node, or had taken it for gone, when it took up a client.
    func nodeIsNew() { change { $0.unsaved?.wasRenewed(isForgotten: true) } }

    /// Tells the store what has changed, inside a transaction.
    ///
    /// - Returns: To be called once that is on the disk.
    func save(in store: Store) throws(StoreError) -> @Sendable () -> Void {
        guard let node = node?.text, let table = store.keptClients else { return {} }
        typealias Piece = (pid: String, number: UInt64, client: KeptClients.Client?, isNew: Bool)
        let (pieces, renews) = change { state -> ([Piece], Bool) in
            guard let unsaved = state.unsaved else { return ([], false) }
            let pieces = unsaved.next.pids.map { pid, number -> Piece in
                let kept = state.kept[pid].flatMap { $0.joined.count > Self.mostRooms ? nil : $0 }
                return (pid, number, kept.map { $0.client(pid) }, unsaved.isNew(pid))
            }
            return (pieces, unsaved.next.renews)
        }
        let now = Timestamp.now
        let isNewNode = renews ? try table.renew(node, at: now) : nil
        if renews { try table.forget(before: now - duration - interval) }
        for piece in pieces {
            if let client = piece.client {
                try table.save(client, isNew: piece.isNew, by: node)
            } else {
                try table.end(piece.pid, by: node)
            }
        }
        return { [self] in
            change { state in
                if let isNewNode { state.unsaved?.wasRenewed(isForgotten: isNewNode) }
                for piece in pieces {
                    let isEnd = piece.client == nil || state.kept[piece.pid] == nil
                    state.unsaved?.wasSaved(piece.pid, piece.number, isEnd: isEnd)
                }
                state.unsaved?.endSaving()
            }
        }
    }
}

extension Recoveries.Kept {
    fileprivate func client(_ pid: String) -> KeptClients.Client {
        KeptClients.Client(
            pid: pid, user: user, sid: sid, start: position,
            joined: joined.filter { $0.value.until == nil }.keys.sorted(), lostAt: lostAtTime)
    }
}
