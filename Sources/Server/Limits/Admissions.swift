import Chat
import EventLoop
import Synchronization

/// Who may come in: counts the connections of the node and of each address, and the handshakes, for all loops.
///
/// It is asked when connections come and go and when they shake hands; messages don't touch it.
final class Admissions: Sendable {
    /// What is said to a new connection.
    enum Verdict: Sendable {
        case welcome
        /// One too many for the node, or for the system's descriptors; or for the address.
        case nodeIsFull, addressIsFull
        /// So many too many that there is no room to say so.
        case overrun
    }

    private struct Limits {
        let maxConnections, connectionsPerAddress: Int
        let limitLoopback: Bool
        let handshakeRate: TokenBucket.Limit

        init(_ settings: Configuration) {
            maxConnections = settings.maxConnections
            connectionsPerAddress = settings.connectionsPerAddress
            limitLoopback = settings.limitLoopback
            handshakeRate = settings.handshakeRate
        }
    }

    private let current: Mutex<Limits>
    private var limits: Limits { current.withLock { $0 } }
    private let count = Atomic(0)
    private let addresses = Tallies<AddressBlock>()
    private let handshakes = SharedBucket()
    /// The handshakes that those were promised who were told to come back.
    private let promises = SharedBucket()

    /// How many connections too many are told so at the same time.
    private static let surplus = 256
    /// How many microseconds somebody is put off at the most.
    private static let longestWait: Int64 = 60_000_000

    init(_ settings: Configuration) { current = Mutex(Limits(settings)) }

    /// Goes on with other limits.
    func adopt(_ settings: Configuration) { current.withLock { $0 = Limits(settings) } }

    var connectionCount: Int { count.load(ordering: .relaxed) }

    /// A connection was accepted; it counts until ``leave(from:)``, whatever is said to it.
    ///
    /// - Parameters:
    ///   - block: Where it came from, if that is limited; see ``block(of:)``.
    ///   - descriptor: The number of its descriptor, the lowest that was free.
    func enter(from block: AddressBlock?, descriptor: Int) -> Verdict {
        let limits = limits
        let count = count.wrappingAdd(1, ordering: .relaxed).newValue
        let isAddressFull = block.map { !addresses.enter($0, limit: limits.connectionsPerAddress) } ?? false
        let limit = System.descriptorLimit
        let (reserve, left) = (Self.reserve(of: limit), limit - descriptor)
        let excess = limits.maxConnections > 0 ? count - limits.maxConnections : 0
        if left <= reserve / 2 || excess > Self.surplus { return .overrun }
        if left <= reserve || excess > 0 { return .nodeIsFull }
        return isAddressFull ? .addressIsFull : .welcome
    }

    /// The descriptors that are kept free for the store, for logs, and for telling those who are too many: a sixteenth of
    /// what there may be.
    static func reserve(of limit: Int) -> Int { min(512, max(8, limit / 16)) }

    /// A connection turned out to come from elsewhere.
    ///
    /// - Returns: Whether there are not too many from there.
    func move(from old: AddressBlock?, to new: AddressBlock?) -> Bool {
        if old == new { return true }
        if let old { addresses.leave(old) }
        return new.map { addresses.enter($0, limit: limits.connectionsPerAddress) } ?? true
    }

    func leave(from block: AddressBlock?) {
        count.wrappingSubtract(1, ordering: .relaxed)
        if let block { addresses.leave(block) }
    }

    /// Under what an address is counted; `nil` where it is not: a proxy on this machine that does not say for whom it
    /// speaks stands for everybody.
    func block(of address: String) -> AddressBlock? {
        let limits = limits
        if limits.connectionsPerAddress == 0 { return nil }
        let block = AddressBlock(address)
        return block.isOfAddress && (limits.limitLoopback || !block.isLoopback) ? block : nil
    }

    /// Somebody wants to shake hands.
    ///
    /// - Parameter now: Microseconds on the loops' clock.
    /// - Returns: `nil` when they may; else in how many seconds they shall come back. Everybody is given a place in the
    ///   queue, so that they come back one after the other, as fast as the limit allows.
    func handshake(at now: Int64) -> Int? {
        let rate = limits.handshakeRate
        if handshakes.take(rate, at: now) == 0 { return nil }
        let wait = promises.reserve(rate, at: now, longest: Self.longestWait)
        return Int((wait + 999_999) / 1_000_000) + .random(in: 0...1)
    }
}

/// How many of something each key has, for all threads. Keys with none take no memory.
final class Tallies<Key: Hashable & Sendable>: Sendable {
    private final class Stripe: Sendable { let counts = Mutex<[Key: Int]>([:]) }

    private let stripes = (0..<16).map { _ in Stripe() }

    private func stripe(of key: Key) -> Stripe {
        stripes[Int(UInt(bitPattern: key.hashValue) % UInt(stripes.count))]
    }

    /// Counts one more.
    ///
    /// - Returns: Whether they are not more than `limit` now.
    func enter(_ key: Key, limit: Int) -> Bool {
        stripe(of: key).counts.withLock { counts in
            counts[key, default: 0] += 1
            return counts[key, default: 0] <= limit
        }
    }

    func leave(_ key: Key) {
        stripe(of: key).counts.withLock { counts in
            guard let count = counts[key] else { return }
            counts[key] = count > 1 ? count - 1 : nil
        }
    }

    /// How many keys have some.
    var keyCount: Int { stripes.reduce(0) { $0 + $1.counts.withLock { $0.count } } }
}
