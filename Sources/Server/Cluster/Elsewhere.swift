import Chat
import Synchronization

/// Who is connected to other nodes, for every thread.
final class Elsewhere: Sendable {
    struct Count: Equatable {
        var sessions = 0
        /// Those with direct messages.
        var chats = 0

        init() {}
        init(_ connections: (sessions: Int, chats: Int)) { (sessions, chats) = connections }
    }

    private final class Stripe: Sendable { let counts = Mutex<[UserID: Count]>([:]) }

    private let stripes = (0..<16).map { _ in Stripe() }

    private func stripe(of user: UserID) -> Stripe {
        stripes[Int(UInt64(bitPattern: user.rawValue) % UInt64(stripes.count))]
    }

    func isPresent(_ user: UserID) -> Bool { stripe(of: user).counts.withLock { $0[user]?.chats ?? 0 } > 0 }

    /// How many sessions a person has there.
    func sessions(of user: UserID) -> Int { stripe(of: user).counts.withLock { $0[user]?.sessions ?? 0 } }

    func set(_ count: Count, of user: UserID) {
        stripe(of: user).counts.withLock { $0[user] = count == Count() ? nil : count }
    }
}
