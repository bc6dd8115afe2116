/// Who is connected: chat connections per person, and the counter's connections.
package struct Presence: Sendable {
    private var connections = IDTable<User, Int32>()
    package private(set) var counterUsers = 0

    package init() {}

    package func isPresent(_ user: UserID) -> Bool { connections[user] != nil }

    package mutating func arrive(_ user: UserID) { connections[user] = (connections[user] ?? 0) + 1 }

    package mutating func leave(_ user: UserID) {
        guard let count = connections[user] else { return }
        connections[user] = count == 1 ? nil : count - 1
    }

    package mutating func joinCounter() { counterUsers += 1 }
    package mutating func leaveCounter() { counterUsers -= 1 }
}
