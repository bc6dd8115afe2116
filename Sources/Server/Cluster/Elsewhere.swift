import Chat
import Cluster
import Synchronization

/// Who is connected to other nodes, for every thread.
final class Elsewhere: Sendable {
    private final class Stripe: Sendable { let people = Mutex<[UserID: Peers.Presence]>([:]) }

    private let stripes = (0..<16).map { _ in Stripe() }

    private func stripe(of user: UserID) -> Stripe {
        stripes[Int(UInt64(bitPattern: user.rawValue) % UInt64(stripes.count))]
    }

    private func presence(of user: UserID) -> Peers.Presence? { stripe(of: user).people.withLock { $0[user] } }

    func isPresent(_ user: UserID) -> Bool { presence(of: user)?.chats ?? 0 > 0 }

    /// How many sessions a person has there.
    func sessions(of user: UserID) -> Int { presence(of: user)?.sessions ?? 0 }

    /// Up to which message all has certainly reached a person's connections there that can't ask for what they missed; 0
    /// where that is not known, `nil` where there are none.
    func position(of user: UserID) -> MessageID? { presence(of: user)?.position }

    func set(_ presence: Peers.Presence, of user: UserID) {
        stripe(of: user).people.withLock { $0[user] = presence == Peers.Presence() ? nil : presence }
    }
}
