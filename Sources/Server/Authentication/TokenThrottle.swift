import Chat
import EventLoop
import Synchronization

/// Slows down whose tokens fail again and again, without locking out who shares their address: a token that has not
/// failed is always looked at.
///
/// An address has a number of different tokens that may fail in a minute, and each of them may a few times. Beyond, the
/// answer is to wait: without a look where the token has failed before, else if it fails. So a valid token gets in
/// whatever its neighbours do, and no more is kept of an address than of its first failures.
final class TokenThrottle: Sendable {
    private struct Key: Hashable {
        let address: AddressBlock
        /// The beginning of the token's digest; `nil`: all tokens together.
        let token: UInt64?
    }

    private static let failuresPerToken = 10

    private let limit: Atomic<Int>
    private var failuresPerAddress: Int { limit.load(ordering: .relaxed) }
    private let counts = Mutex(MinuteCounts<Key>())

    /// - Parameter limit: How many tokens may fail in a minute from one address; 0: any number.
    init(limit: Int) { self.limit = Atomic(limit) }

    func setLimit(_ limit: Int) { self.limit.store(limit, ordering: .relaxed) }

    /// Seconds to wait where a token must not even be looked at: it has failed, and this too often.
    func wait(for token: String, from address: String, at now: Timestamp) -> Int? {
        counts.withLock { counts in
            if counts.isEmpty { return nil }
            let (all, one) = Self.keys(address, token)
            return counts.number(of: one, at: now) == 0 ? nil : wait(all, one, counts, at: now)
        }
    }

    /// What follows from a failure.
    struct Failure {
        /// Seconds to wait, where there were too many before.
        let wait: Int?
        /// Whether it is the last that is borne with for the time being.
        let isLast: Bool
    }

    /// A token was looked at, and is not valid.
    func fail(_ token: String, from address: String, at now: Timestamp) -> Failure {
        if failuresPerAddress == 0 { return Failure(wait: nil, isLast: false) }
        let (all, one) = Self.keys(address, token)
        return counts.withLock { counts in
            if let wait = wait(all, one, counts, at: now) { return Failure(wait: wait, isLast: false) }
            let isNew = counts.add(one, at: now) == 1
            return Failure(wait: nil, isLast: isNew && counts.add(all, at: now) == failuresPerAddress)
        }
    }

    private func wait(_ all: Key, _ one: Key, _ counts: MinuteCounts<Key>, at now: Timestamp) -> Int? {
        counts.wait(for: one, limit: Self.failuresPerToken, at: now)
            ?? counts.wait(for: all, limit: failuresPerAddress, at: now)
    }

    private static func keys(_ address: String, _ token: String) -> (all: Key, one: Key) {
        let block = AddressBlock(address)
        let digest = AccessToken.digest(of: token).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        return (Key(address: block, token: nil), Key(address: block, token: digest))
    }
}
