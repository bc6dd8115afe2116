import Chat
import EventLoop
import Synchronization

/// Limits how many accounts are made from one address in a minute.
final class RegistrationThrottle: Sendable {
    private static let limit = 30

    private let counts = Mutex(MinuteCounts<AddressBlock>())

    /// Counts a registration.
    ///
    /// - Returns: How many seconds to wait before the next one, where this one must not be made.
    func attempt(from address: String, at now: Timestamp) -> Int? {
        let address = AddressBlock(address)
        return counts.withLock { counts in
            if let wait = counts.wait(for: address, limit: Self.limit, at: now) { return wait }
            counts.add(address, at: now)
            return nil
        }
    }
}
