/// How far each connection of a person has certainly got, of those that can't ask for what they missed. The next one
/// starts where the least of them is: it may be the same client, whose network broke before anybody noticed.
package struct Arrivals: Sendable {
    private struct Connection {
        let id: ConnectionID
        var position: MessageID
        /// Whether another one came and this one has confirmed nothing since: it may be the same client's, left behind.
        var isSuperseded = false
    }

    /// Of each person the first connection, and the others of the few who have some.
    private var first = IDTable<User, Connection>()
    private var others: [UserID: [Connection]] = [:]
    /// Where connections were that broke, and when they did.
    private var lost: [UserID: (position: MessageID, at: Timestamp)] = [:]
    /// Whose they were, the longest ago first; some of them have come back since.
    private var losses: ArraySlice<(user: UserID, at: Timestamp)> = []
    /// Where those were that hold their person's others back no more: these had got all that comes after it.
    private var released: [UserID: MessageID] = [:]

    package init() {}

    private func connections(of user: UserID) -> [Connection] {
        (first[user].map { [$0] } ?? []) + (others[user] ?? [])
    }

    private mutating func set(_ connections: [Connection], of user: UserID) {
        first[user] = connections.first
        others[user] = connections.count > 1 ? Array(connections.dropFirst()) : nil
    }

    /// Where the person's next connection has to start; `nil` where none may have missed anything.
    package func position(of user: UserID) -> MessageID? {
        var position = first[user]?.position
        if !others.isEmpty, let others = others[user] {
            for other in others { position = min(position ?? other.position, other.position) }
        }
        if !lost.isEmpty, let lost = lost[user]?.position { position = min(position ?? lost, lost) }
        return position
    }

    /// A connection is given all that comes after `position`, what others lost included. Once it is known, nothing changes.
    package mutating func arrive(_ connection: ConnectionID, of user: UserID, at position: MessageID) {
        var connections = connections(of: user)
        if connections.contains(where: { $0.id == connection }) { return }
        for index in connections.indices { connections[index].isSuperseded = true }
        set(connections + [Connection(id: connection, position: position)], of: user)
        lost[user] = nil
    }

    /// A connection has come elsewhere that was given what any of these may have missed so far.
    package mutating func arriveElsewhere(_ user: UserID) {
        var connections = connections(of: user)
        for index in connections.indices { connections[index].isSuperseded = true }
        set(connections, of: user)
        lost[user] = nil
    }

    /// A connection has got further.
    package mutating func confirm(_ connection: ConnectionID, of user: UserID, upTo position: MessageID) {
        let confirmed = Connection(id: connection, position: position)
        if let known = first[user], known.id == connection {
            if known.position < position { first[user] = confirmed }
        } else if let index = others[user]?.firstIndex(where: { $0.id == connection && $0.position < position }) {
            others[user]?[index] = confirmed
        }
    }

    /// A connection is gone.
    ///
    /// - Parameter isBroken: Whether it ended without a word, so that the client may come back for what it missed.
    package mutating func leave(_ connection: ConnectionID, of user: UserID, isBroken: Bool, at now: Timestamp) {
        var connections = connections(of: user)
        guard let index = connections.firstIndex(where: { $0.id == connection }) else { return }
        let gone = connections.remove(at: index)
        set(connections, of: user)
        if isBroken, !gone.isSuperseded {
            lost[user] = (min(gone.position, lost[user]?.position ?? gone.position), now)
            losses.append((user, now))
        }
        release(user, from: gone.position)
    }

    /// Each connection began where the least of the others was then, or before: no message is missing between them.
    private mutating func release(_ user: UserID, from position: MessageID) {
        guard let next = self.position(of: user), position < next else { return }
        released[user] = min(position, released[user] ?? position)
    }

    /// Those whose least connection is further since another one went, and where that one was.
    package mutating func takeReleased() -> [UserID: MessageID] {
        if released.isEmpty { return [:] }
        defer { released = [:] }
        return released
    }

    /// Forgets what was lost before a moment.
    package mutating func forget(before moment: Timestamp) {
        while let first = losses.first, first.at < moment {
            losses.removeFirst()
            guard let last = lost[first.user], last.at == first.at else { continue }
            lost[first.user] = nil
            release(first.user, from: last.position)
        }
    }
}
