import Chat
import EventLoop
import Synchronization

/// Slows guessing down: failures are counted per account and address, and per address, over a minute. Others are not
/// locked out by it, and neither is the owner at another address, nor who signed in from the same one before.
final class LoginThrottle: Sendable {
    private struct Key: Hashable {
        let address: AddressBlock
        /// `nil`: all accounts together.
        let username: String?

        init(_ address: String, _ username: String? = nil) {
            self.address = AddressBlock(address)
            self.username = username?.lowercased()
        }
    }

    private static let failuresPerAccount = 5
    private static let failuresPerAddress = 30
    /// Who signed in from where is remembered of so many.
    private static let familiarLimit = 10_000

    private struct State {
        var counts = MinuteCounts<Key>()
        var familiar: Set<Key> = []
    }

    private let state = Mutex(State())

    /// Counts an attempt as a failure of the account until ``forgive(_:from:)`` or ``succeed(_:from:)`` says otherwise,
    /// so that attempts side by side count too. For the address only ``fail(from:at:)`` counts: many people may be
    /// behind it.
    ///
    /// - Returns: How many seconds to wait before the next attempt, where this one must not be made.
    func attempt(_ username: String, from address: String, at now: Timestamp) -> Int? {
        state.withLock { state in
            let account = Key(address, username)
            var waits = [state.counts.wait(for: account, limit: Self.failuresPerAccount, at: now)]
            if !state.familiar.contains(account) {
                waits.append(state.counts.wait(for: Key(address), limit: Self.failuresPerAddress, at: now))
            }
            if let wait = waits.compactMap(\.self).max() { return wait }
            state.counts.add(account, at: now)
            return nil
        }
    }

    /// The attempt was a failure.
    ///
    /// - Returns: Whether it was the one from which on the address is slowed down.
    @discardableResult
    func fail(from address: String, at now: Timestamp) -> Bool {
        state.withLock { $0.counts.add(Key(address), at: now) == Self.failuresPerAddress }
    }

    /// The attempt was no failure.
    func forgive(_ username: String, from address: String) {
        state.withLock { $0.counts.remove(Key(address, username)) }
    }

    /// The attempt was right.
    func succeed(_ username: String, from address: String) {
        state.withLock { state in
            let account = Key(address, username)
            state.counts.remove(account)
            if state.familiar.count >= Self.familiarLimit { _ = state.familiar.popFirst() }
            state.familiar.insert(account)
        }
    }
}
