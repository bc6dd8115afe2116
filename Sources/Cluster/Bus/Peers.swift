package import Chat

/// The other nodes.
package struct Peers {
    private var peers: [NodeID: Peer] = [:]
    /// Where those were that are gone: what is heard of them again is old up to there.
    private var departed: [NodeID: Peer.Numbers] = [:]
    private static let departedLimit = 1000
    /// How far the people of nodes that are gone had got, whose clients may come back: the longest ago first.
    private var lost: ArraySlice<(positions: [UserID: MessageID], until: UInt64)> = []

    package init() {}

    package var isEmpty: Bool { peers.isEmpty }
    package var count: Int { peers.count }

    package subscript(id: NodeID) -> Peer? {
        get { peers[id] }
        _modify { yield &peers[id] }
    }

    /// A node is heard that was not there.
    package mutating func add(_ id: NodeID, at now: UInt64) {
        peers[id] = Peer(id, at: now, behind: departed.removeValue(forKey: id) ?? Peer.Numbers())
    }

    /// - Parameter end: Until when its clients may come back, in milliseconds.
    package mutating func remove(_ id: NodeID, mayReturnUntil end: UInt64) -> Peer? {
        guard let peer = peers.removeValue(forKey: id) else { return nil }
        let positions = peer.leastPositions
        if !positions.isEmpty { lost.append((positions, end)) }
        if departed.count < Self.departedLimit { departed[id] = peer.numbers }
        return peer
    }

    /// A client of a person has come, behind whatever a node that is gone had told: that is settled.
    package mutating func settle(_ user: UserID) {
        for index in lost.indices { lost[index].positions[user] = nil }
    }

    /// Forgets who did not come back.
    ///
    /// - Returns: Those who are forgotten.
    package mutating func tidy(at now: UInt64) -> [UserID] {
        var forgotten: [UserID] = []
        while let first = lost.first, first.until <= now { forgotten += lost.removeFirst().positions.keys }
        return forgotten
    }

    /// Those of which nothing was heard since a moment, in milliseconds.
    package func silent(since moment: UInt64) -> [NodeID] { peers.values.filter { $0.heardAt < moment }.map(\.id) }

    /// Whose interests are known, and how many changes of them were heard.
    package var known: [NodeID: Int64] { peers.compactMapValues(\.interests) }

    /// Up to which of their changes each is told all that it wants: for the others, everything is sent.
    package var told: [NodeID: Int64] { peers.mapValues { $0.interests ?? .max } }

    /// How many connections the counter has on them.
    package var counterUsers: Int { peers.values.reduce(0) { $0 + $1.counterUsers } }

    /// What a person has on them.
    package struct Presence: Equatable, Sendable {
        package var sessions = 0
        /// Sessions with direct messages.
        package var chats = 0
        /// Up to which message all has certainly reached those that can't ask for what they missed: 0 where that is not
        /// known, `nil` where there are none.
        package var position: MessageID?

        package init() {}

        fileprivate mutating func note(_ other: MessageID?) {
            if let other { position = min(other, position ?? other) }
        }
    }

    package func presence(of user: UserID) -> Presence {
        var presence = Presence()
        for peer in peers.values {
            let own = peer.people[user]
            presence.sessions += own?.sessions ?? 0
            presence.chats += own?.chats ?? 0
            presence.note(peer.positions[user] ?? (own?.owed ?? 0 > 0 ? MessageID(0) : nil))
        }
        for (positions, _) in lost { presence.note(positions[user]) }
        return presence
    }

    /// What each has to be told of batches: all hear of each, and of its events those that they want. Where that is the
    /// same for all of them, it is one part, for `nil`.
    package func parts(of batches: [BusMessage.Batch]) -> [(batches: [BusMessage.Batch], to: NodeID?)] {
        if areAlike(batches.lazy.flatMap(\.events)) { return [(filtered(batches, for: nil), nil)] }
        return peers.values.map { (filtered(batches, for: $0), $0.id) }
    }

    /// The same for events of the moment.
    package func parts(of events: [Event]) -> [(events: [Event], to: NodeID?)] {
        if areAlike(events) {
            let wanted = filtered(events, for: nil)
            return wanted.isEmpty ? [] : [(wanted, nil)]
        }
        return peers.values.compactMap { peer in
            let wanted = filtered(events, for: peer)
            return wanted.isEmpty ? nil : (wanted, peer.id)
        }
    }

    /// Whether each event is for all of them or for none.
    private func areAlike(_ events: some Sequence<Event>) -> Bool {
        guard peers.count > 1, let first = peers.values.first else { return true }
        return events.allSatisfy { event in
            let isWanted = first.wants(event)
            return peers.values.allSatisfy { $0.wants(event) == isWanted }
        }
    }

    private func filtered(_ batches: [BusMessage.Batch], for peer: Peer?) -> [BusMessage.Batch] {
        batches.map { batch in
            BusMessage.Batch(
                number: batch.number, before: batch.before, after: batch.after,
                events: filtered(batch.events, for: peer))
        }
    }

    /// - Parameter peer: `nil`: any, as all want the same.
    private func filtered(_ events: [Event], for peer: Peer?) -> [Event] {
        guard let peer = peer ?? peers.values.first else { return [] }
        return events.filter { peer.wants($0) }
    }
}
