import Chat
import Synchronization

/// Slows guessing down: failures are counted per account and address, and per address, over a minute. Others are not
/// locked out by it, and neither is the owner at another address.
final class LoginThrottle: Sendable {
    private struct Key: Hashable {
        let address: String
        /// `nil`: all accounts together.
        let username: String?
    }

    private struct Count {
        var failures = 0
        var since: Timestamp
    }

    private static let window = Duration.seconds(60)
    private static let failuresPerAccount = 5
    private static let failuresPerAddress = 30
    /// More addresses than this at once are an attack on memory.
    private static let capacity = 10_000

    private let counts = Mutex<[Key: Count]>([:])

    /// Counts an attempt as failed until ``forgive(_:from:)`` says otherwise, so that attempts side by side count too.
    ///
    /// - Returns: How many seconds to wait before the next attempt, where this one must not be made.
    func attempt(_ username: String, from address: String, at now: Timestamp) -> Int? {
        counts.withLock { counts in
            let keys = Self.keys(username, address)
            let waits = keys.compactMap { key, limit -> Int? in
                guard let count = counts[key], count.failures >= limit else { return nil }
                let end = count.since + Self.window
                return end > now ? Int((end.microseconds - now.microseconds + 999_999) / 1_000_000) : nil
            }
            if let wait = waits.max() { return wait }
            if counts.count >= Self.capacity {
                counts = counts.filter { $0.value.since + Self.window > now }
                if counts.count >= Self.capacity { counts = [:] }
            }
            for (key, _) in keys {
                var count = counts[key] ?? Count(since: now)
                if count.since + Self.window <= now { count = Count(since: now) }
                count.failures += 1
                counts[key] = count
            }
            return nil
        }
    }

    /// The attempt was no failure.
    func forgive(_ username: String, from address: String) {
        counts.withLock { counts in
            for (key, _) in Self.keys(username, address) { counts[key]?.failures -= 1 }
        }
    }

    private static func keys(_ username: String, _ address: String) -> [(Key, limit: Int)] {
        [
            (Key(address: address, username: username.lowercased()), failuresPerAccount),
            (Key(address: address, username: nil), failuresPerAddress),
        ]
    }
}
