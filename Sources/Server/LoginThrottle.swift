import Chat
import Synchronization

/// Slows guessing down: failures are counted per account and address, and per address, over a minute. Others are not
/// locked out by it, and neither is the owner at another address.
final class LoginThrottle: Sendable {
    private struct Key: Hashable {
        let address: String
        /// `nil`: all accounts together.
        let username: String?

        init(_ address: String, _ username: String? = nil) {
            self.address = address
            self.username = username?.lowercased()
        }
    }

    private static let failuresPerAccount = 5
    private static let failuresPerAddress = 30

    private let counts = Mutex(MinuteCounts<Key>())

    /// Counts an attempt as a failure of the account until ``forgive(_:from:)`` says otherwise, so that attempts side
    /// by side count too. For the address only ``fail(from:at:)`` counts: many people may be behind it.
    ///
    /// - Returns: How many seconds to wait before the next attempt, where this one must not be made.
    func attempt(_ username: String, from address: String, at now: Timestamp) -> Int? {
        counts.withLock { counts in
            let account = Key(address, username)
            let waits = [
                counts.wait(for: account, limit: Self.failuresPerAccount, at: now),
                counts.wait(for: Key(address), limit: Self.failuresPerAddress, at: now),
            ]
            if let wait = waits.compactMap(\.self).max() { return wait }
            counts.add(account, at: now)
            return nil
        }
    }

    /// The attempt was a failure.
    func fail(from address: String, at now: Timestamp) { counts.withLock { $0.add(Key(address), at: now) } }

    /// The attempt was no failure.
    func forgive(_ username: String, from address: String) { counts.withLock { $0.remove(Key(address, username)) } }
}
