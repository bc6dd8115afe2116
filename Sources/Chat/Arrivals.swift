/// How far each connection of a person has certainly got, of those that can't ask for what they missed. The next one
/// starts where the least of them is: it may be the same client, whose network broke before anybody noticed.
package struct Arrivals: Sendable {
    private struct Connection {
        let id: ConnectionID
        var position: MessageID
        /// Whether another one came and this one has confirmed nothing since: it may be the same client's, left behind.
        var isSuperseded = false
    }

    private struct Person {
        var connections: [Connection] = []
        /// Where a connection was that broke, and when it did.
        var lost: (position: MessageID, at: Timestamp)?

        var position: MessageID? { (connections.map(\.position) + (lost.map { [$0.position] } ?? [])).min() }
    }

    private var people = IDTable<User, Person>()
    /// Whose connections broke, the longest ago first; some of them have come back since.
    private var lost: ArraySlice<(user: UserID, at: Timestamp)> = []

    package init() {}

    /// Where the person's next connection has to start; `nil` where none may have missed anything.
    package func position(of user: UserID) -> MessageID? { people[user]?.position }

    /// A connection is given all that comes after `position`, what others lost included. Once it is known, nothing changes.
    package mutating func arrive(_ connection: ConnectionID, of user: UserID, at position: MessageID) {
        var person = people[user] ?? Person()
        if person.connections.contains(where: { $0.id == connection }) { return }
        for index in person.connections.indices { person.connections[index].isSuperseded = true }
        person.connections.append(Connection(id: connection, position: position))
        person.lost = nil
        people[user] = person
    }

    /// A connection has come elsewhere that was given what any of these may have missed so far.
    package mutating func arriveElsewhere(_ user: UserID) {
        guard var person = people[user] else { return }
        for index in person.connections.indices { person.connections[index].isSuperseded = true }
        person.lost = nil
        people[user] = person.connections.isEmpty ? nil : person
    }

    /// A connection has got further.
    package mutating func confirm(_ connection: ConnectionID, of user: UserID, upTo position: MessageID) {
        guard var person = people[user], let index = person.connections.firstIndex(where: { $0.id == connection })
        else { return }
        if position <= person.connections[index].position { return }
        person.connections[index].position = position
        person.connections[index].isSuperseded = false
        people[user] = person
    }

    /// A connection is gone.
    ///
    /// - Parameter isBroken: Whether it ended without a word, so that the client may come back for what it missed.
    package mutating func leave(_ connection: ConnectionID, of user: UserID, isBroken: Bool, at now: Timestamp) {
        guard var person = people[user], let index = person.connections.firstIndex(where: { $0.id == connection })
        else { return }
        let gone = person.connections.remove(at: index)
        if isBroken, !gone.isSuperseded {
            person.lost = (min(gone.position, person.lost?.position ?? gone.position), now)
            lost.append((user, now))
        }
        people[user] = person.connections.isEmpty && person.lost == nil ? nil : person
    }

    /// Forgets what was lost before a moment.
    package mutating func forget(before moment: Timestamp) {
        while let first = lost.first, first.at < moment {
            lost.removeFirst()
            guard var person = people[first.user], person.lost?.at == first.at else { continue }
            person.lost = nil
            people[first.user] = person.connections.isEmpty ? nil : person
        }
    }
}
