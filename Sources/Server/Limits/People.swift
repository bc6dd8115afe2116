import Chat
import EventLoop
import Synchronization

/// What one person uses of the server at the moment, on all loops and over HTTP.
final class Usage: Sendable {
    let user: UserID
    /// For what they send. Taken from without a lock, so that the table is not touched for a message.
    let messages = SharedBucket()
    /// How many messages other nodes have not been told of.
    private let untold = Atomic<UInt32>(0)
    /// Sessions; changed under the table's lock only.
    fileprivate let sessions = Atomic(0)

    fileprivate init(_ user: UserID) { self.user = user }

    /// One more; whether it is the first of them.
    fileprivate func noteMessage() -> Bool { untold.add(1, ordering: .relaxed).oldValue == 0 }

    func takeUntold() -> Int { Int(untold.exchange(0, ordering: .relaxed)) }
}

/// Everybody who uses the server at the moment. Who has gone is forgotten once nothing is held against them any more.
final class People: Sendable {
    private struct Table {
        var usages: [UserID: Usage] = [:]
        /// People without a session whose bucket was not full when it was last looked at.
        var resting: [UserID: Usage] = [:]
    }

    private final class Stripe: Sendable { let table = Mutex(Table()) }

    private let stripes = (0..<16).map { _ in Stripe() }
    /// Who is connected to other nodes of the cluster, and what these are told.
    private let elsewhere: Elsewhere?
    private let bus: Mailbox<BusMail>?

    init(_ elsewhere: Elsewhere? = nil, bus: Mailbox<BusMail>? = nil) {
        self.elsewhere = elsewhere
        self.bus = bus
    }

    private func stripe(of user: UserID) -> Stripe {
        stripes[Int(UInt64(bitPattern: user.rawValue) % UInt64(stripes.count))]
    }

    /// A person opens a session.
    ///
    /// - Parameter limit: How many they may have; 0 sets no limit.
    /// - Returns: What they use from now on, until ``leave(_:at:)``; `nil` when it is one session too many.
    func enter(_ user: UserID, limit: Int) -> Usage? {
        stripe(of: user).table.withLock { table in
            let usage = table.usages[user] ?? Usage(user)
            let count = usage.sessions.load(ordering: .relaxed)
            if limit > 0, count + (elsewhere?.sessions(of: user) ?? 0) >= limit { return nil }
            usage.sessions.store(count + 1, ordering: .relaxed)
            table.usages[user] = usage
            return usage
        }
    }

    /// The session has ended.
    func leave(_ usage: Usage, at now: Int64) {
        stripe(of: usage.user).table.withLock { table in
            let count = usage.sessions.load(ordering: .relaxed) - 1
            usage.sessions.store(count, ordering: .relaxed)
            if count == 0 { rest(usage, &table, at: now) }
        }
    }

    /// Takes a token for somebody who has a session.
    ///
    /// - Returns: 0, or how many microseconds to wait.
    func take(_ limit: TokenBucket.Limit, by usage: Usage, at now: Int64) -> Int64 {
        let wait = usage.messages.take(limit, at: now)
        if wait == 0, let bus, limit.rate > 0, usage.noteMessage() { bus.post(.spends(usage)) }
        return wait
    }

    /// Messages were sent through other nodes.
    func spend(_ count: Int, _ limit: TokenBucket.Limit, of user: UserID, at now: Int64) {
        if limit.rate <= 0 { return }
        stripe(of: user).table.withLock { table in
            let usage = table.usages[user] ?? Usage(user)
            usage.messages.spend(count, limit, at: now)
            table.usages[user] = usage
            if usage.sessions.load(ordering: .relaxed) == 0 { rest(usage, &table, at: now) }
        }
    }

    /// Takes a token for a person, who need not have a session.
    ///
    /// - Returns: 0, or how many microseconds to wait.
    func take(_ limit: TokenBucket.Limit, of user: UserID, at now: Int64) -> Int64 {
        if limit.rate <= 0 { return 0 }
        return stripe(of: user).table.withLock { table in
            if let usage = table.usages[user] { return take(limit, by: usage, at: now) }
            let usage = Usage(user)
            defer { rest(usage, &table, at: now) }
            table.usages[user] = usage
            return take(limit, by: usage, at: now)
        }
    }

    private func rest(_ usage: Usage, _ table: inout Table, at now: Int64) {
        if usage.messages.isFull(at: now) {
            table.usages[usage.user] = nil
        } else {
            table.resting[usage.user] = usage
        }
    }

    /// Forgets those of whom there is nothing to remember any more. Called once a second.
    func tidy(at now: Int64) {
        for stripe in stripes {
            stripe.table.withLock { table in
                if table.resting.isEmpty { return }
                table.resting = table.resting.filter { user, usage in
                    // Who has come back rests again when they leave.
                    if usage.sessions.load(ordering: .relaxed) > 0 { return false }
                    if !usage.messages.isFull(at: now) { return true }
                    table.usages[user] = nil
                    return false
                }
            }
        }
    }

    /// How many are remembered.
    var count: Int { stripes.reduce(0) { $0 + $1.table.withLock { $0.usages.count } } }
}
