import Chat
import EventLoop
import Storage
import Synchronization

/// What the one writer of the store is asked for. Indirect: one word, which is handed on several times.
indirect enum Submission: Sendable {
    case change(Change, Origin)
    /// Work on the store for a caller who waits for it.
    case work(Work)
    /// A connection wants its seat. Its place among the changes decides what it must be told, and what it hears live.
    case takeSeat(Seat, ConnectionID)
    /// More of the backlog, behind what was sent, or the end of it.
    case continueBacklog(Delivery, sent: MessageID, Seat.BacklogRule)
    /// A connection is gone; a broken one may come back for what it missed.
    case leaveSeat(Seat, ConnectionID, Delivery?, isBroken: Bool)
    /// What has reached people, so that little is repeated after a crash.
    case delivered([Delivery])
    /// Bulk messages may serve so many people until the next tick.
    case sendBulk(Int)
    /// So many slices of what is deleted or too old may be erased until the next tick.
    case sweep(Timestamp, slices: Int)
    /// Housekeeping, once a second.
    case tidy(Timestamp)

    /// Who hears what becomes of a change.
    enum Origin: Sendable {
        case connection(ConnectionID, Ticket)
        case caller(@Sendable (Outcome) -> Void)
    }

    /// Whether it writes, as a rule.
    var isWriting: Bool {
        switch self {
        case .change, .work, .delivered, .sendBulk, .sweep, .tidy: true
        case .takeSeat, .continueBacklog, .leaveSeat: false
        }
    }

    struct Work: Sendable {
        /// Runs inside the transaction, and returns what tells the caller once that is on the disk. What is to be heard of
        /// it takes its place among the events.
        let run: @Sendable (Store, inout [Event]) throws(StoreError) -> @Sendable () -> Void
        let fail: @Sendable (StoreError) -> Void
    }
}

/// The thread that changes the store: it takes all that has queued, runs it in one transaction, and lets the world
/// hear of it once that is on the disk.
final class Writer: Sendable {
    private let worker: Worker<Submission>
    private let failure: Failure
    private let bulkWork: SlicedWork
    private let sweepWork: SlicedWork
    private let meter: StoreMeter

    /// - Parameters:
    ///   - limit: How many changes may wait.
    ///   - backlogBytes: How much text a connection is sent at once of what it missed.
    ///   - retention: How long what is kept.
    ///   - recovery: How long a connection that broke is waited for while others of the same person are there.
    init(
        _ store: sending Store, _ exchange: Exchange, limit: Int, backlogBytes: Int, retention: Retention,
        recovery: Duration, log: Log
    ) {
        let failure = Failure(log)
        self.failure = failure
        let bulkWork = SlicedWork()
        self.bulkWork = bulkWork
        let sweepWork = SlicedWork()
        self.sweepWork = sweepWork
        let meter = StoreMeter()
        self.meter = meter
        let clerk = Clerk(
            store, exchange, failure, bulkWork, sweepWork, meter, backlogBytes: backlogBytes, retention: retention,
            recovery: recovery)
        worker = Worker(limit: limit, owning: clerk) { clerk, batch in
            clerk.handle(batch)
            clerk.careForLog(after: batch)
        }
    }

    /// Why the store can't write at the moment, if so.
    var failureReason: String? { failure.reason }

    /// Whether a bulk message is to be worked on.
    var hasBulkWork: Bool { bulkWork.exists.load(ordering: .relaxed) }

    /// Whether something is to be erased.
    var hasSweepWork: Bool { sweepWork.exists.load(ordering: .relaxed) }

    /// A bulk message was added.
    func startBulkWork() { bulkWork.exists.store(true, ordering: .relaxed) }

    /// How much waits.
    var waiting: Int { worker.count }

    /// What was done so far.
    var counts: StoreCounts { meter.counts.withLock { $0 } }

    /// Whether ``submit(_:)`` would take something.
    var hasRoom: Bool { worker.hasRoom }

    /// Queues what may be turned away; `false` when too much waits already.
    func submit(_ submission: Submission) -> Bool { worker.post(submission) }

    /// Queues what keeps the books straight, and what was read of a connection that is gone: seats taken and left,
    /// deliveries, its last changes. Their number is bounded by that of the connections.
    func submitAnyway(_ submission: Submission) { worker.postAnyway(submission) }

    /// Makes a change, for a caller who waits until it is on the disk.
    func perform(_ change: Change) async -> Outcome {
        await withCheckedContinuation { continuation in
            if !submit(.change(change, .caller { continuation.resume(returning: $0) })) {
                continuation.resume(returning: .refused(.storeUnavailable))
            }
        }
    }

    /// Runs `body` in the next transaction, and returns once that is on the disk.
    func perform<Result: Sendable>(
        _ body: @escaping @Sendable (Store) throws(StoreError) -> Result
    ) async throws -> Result {
        try await perform { store, _ throws(StoreError) in try body(store) }
    }

    /// The same, where `body` adds what is to be heard of it.
    func perform<Result: Sendable>(
        _ body: @escaping @Sendable (Store, inout [Event]) throws(StoreError) -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let work = Submission.Work(
                run: { store, events throws(StoreError) in
                    let result = try body(store, &events)
                    return { continuation.resume(returning: result) }
                },
                fail: { continuation.resume(throwing: $0) })
            if !submit(.work(work)) { continuation.resume(throwing: QueueFull()) }
        }
    }

    struct QueueFull: Error {}

    /// Finishes what is queued and ends the thread. Blocks.
    func stop() { worker.stop() }
}

/// Whether the store works, for readiness and the log.
private final class Failure: Sendable {
    private struct Reasons {
        /// Why changes can't be stored.
        var writing: String?
        /// Why what is stored can't be brought from the write-ahead log into the database file.
        var checkpoint: String?
    }

    private let current = Mutex(Reasons())
    private let log: Log

    init(_ log: Log) { self.log = log }

    /// In a sentence.
    var reason: String? {
        current.withLock { current in
            current.writing.map { "The store cannot write: \($0)" }
                ?? current.checkpoint.map { "The database file cannot be brought up to date: \($0)" }
        }
    }

    var stopsWriting: Bool { current.withLock { $0.writing != nil } }

    func note(_ reason: String?) {
        let before = current.withLock { current in
            defer { current.writing = reason }
            return current.writing
        }
        if let reason, before == nil { log.error("the store cannot write", ["reason": reason]) }
        if reason == nil, before != nil { log.info("the store writes again") }
    }

    func noteCheckpoint(_ reason: String?) {
        let before = current.withLock { current in
            defer { current.checkpoint = reason }
            return current.checkpoint
        }
        if let reason, before == nil {
            log.error("the database file cannot be brought up to date, the log beside it grows", ["reason": reason])
        }
        if reason == nil, before != nil { log.info("the database file is brought up to date again") }
    }
}

/// Whether there is work of one kind to be done in slices; nobody else asks the store four times a second.
private final class SlicedWork: Sendable {
    let exists = Atomic(false)
}

/// What lives on the writer's thread.
private final class Clerk {
    private let store: Store
    private let exchange: Exchange
    private let failure: Failure
    private let bulkWork: SlicedWork
    private let sweepWork: SlicedWork
    private let retention: Retention
    private let meter: StoreMeter
    /// When the changes of the transaction under way were asked for.
    private var askedFor = Beginnings()
    /// How many people are served of a bulk message at once: about 2 ms of work.
    private static let bulkSlice = 100
    private let backlogBytes: Int
    /// Whether the transaction under way found no bulk message to work on, and none came behind.
    private var isBulkDone = false
    private var presence = Presence()
    private var arrivals = Arrivals()
    /// How long a connection that broke is waited for.
    private let recovery: Duration
    private var forgottenAt = Timestamp(microseconds: 0)

    init(
        _ store: Store, _ exchange: Exchange, _ failure: Failure, _ bulkWork: SlicedWork, _ sweepWork: SlicedWork,
        _ meter: StoreMeter, backlogBytes: Int, retention: Retention, recovery: Duration
    ) {
        self.recovery = recovery
        self.meter = meter
        self.bulkWork = bulkWork
        self.sweepWork = sweepWork
        self.retention = retention
        bulkWork.exists.store((try? store.bulkMessages.isRunning()) ?? true, ordering: .relaxed)
        self.backlogBytes = backlogBytes
        self.store = store
        self.exchange = exchange
        self.failure = failure
    }

    func handle(_ submissions: [Submission]) {
        do {
            try run(submissions)
        } catch  where error.isBusy || submissions.count == 1 {
            fail(submissions, error)
        } catch  where error.isOfDisk {
            // None would fare better alone, but those that only read.
            fail(submissions.filter(\.isWriting), error)
            for submission in submissions where !submission.isWriting { handle([submission]) }
        } catch {
            // One change may have spoiled it for the others, so each is tried alone.
            for submission in submissions { handle([submission]) }
        }
    }

    /// Keeps the write-ahead log short, once everybody has been told.
    func careForLog(after submissions: [Submission]) {
        // What failed is tried again once a second.
        let retries = submissions.contains { if case .tidy = $0 { true } else { false } }
        do {
            if try store.checkpointIfDue(retries: retries) { failure.noteCheckpoint(nil) }
            if try store.scrubIfWanted() { failure.noteCheckpoint(nil) }
        } catch {
            failure.noteCheckpoint(error.message)
        }
    }

    /// Runs submissions in one transaction, then tells everybody.
    private func run(_ submissions: [Submission]) throws(StoreError) {
        var mail = exchange.makeBatch(of: submissions.count)
        var callers: [@Sendable () -> Void] = []
        var isWriting = false
        var carriedOut = 0
        isBulkDone = false
        askedFor.forget()
        let rows = store.changedRows
        var doneAt: UInt64 = 0
        do {
            try store.transaction { () throws(StoreError) in
                // Seen in place: none is copied.
                let changes = submissions.span
                while carriedOut < changes.count {
                    try carryOut(changes[carriedOut], &mail, &callers, &isWriting)
                    carriedOut += 1
                }
                doneAt = System.microsecondsForward
            }
        } catch {
            meter.counts.withLock { $0.errors += 1 }
            for submission in submissions[..<carriedOut] { presence.undo(submission) }
            throw error
        }
        if isWriting { failure.note(nil) }
        if isBulkDone { bulkWork.exists.store(false, ordering: .relaxed) }
        let committedAt = System.microsecondsForward
        exchange.deliver(&mail, committedAt: UInt32(truncatingIfNeeded: committedAt))
        // What wrote nothing had no disk to wait for.
        if store.changedRows != rows {
            meter.counts.withLock {
                $0.note(submissions.count, committedIn: committedAt - doneAt)
                askedFor.end(at: UInt32(truncatingIfNeeded: committedAt), in: &$0.storeTime)
            }
        }
        for tell in callers { tell() }
    }

    private func carryOut(
        _ submission: Submission, _ mail: inout Exchange.Batch, _ callers: inout [@Sendable () -> Void],
        _ isWriting: inout Bool
    ) throws(StoreError) {
        switch submission {
        case .change(let change, let origin):
            let outcome = try store.apply(change)
            // That nothing was written tells nothing of whether it could be.
            if outcome.isChange { isWriting = true }
            if let event = Event(outcome) { mail.publish(event) }
            switch origin {
            case .connection(let connection, let ticket):
                if ticket.receivedAt != 0 { askedFor.note(ticket.receivedAt) }
                mail.send(
                    .answer(connection, Chat.answer(to: outcome, isPresent: presence.isPresent), ticket), to: connection
                )
            case .caller(let tell):
                callers.append { tell(outcome) }
            }
        case .work(let work):
            isWriting = true
            var events: [Event] = []
            callers.append(try work.run(store, &events))
            for event in events { mail.publish(event) }
            try takeRevocations(&mail)
        case .takeSeat(let seat, let connection):
            let seating = try takeSeat(seat, connection)
            mail.send(.seated(connection, seating), to: connection)
            if case .counter = seat { mail.publish(.counterUsers(presence.counterUsers)) }
        case .continueBacklog(let delivery, let sent, let rule):
            let (user, connection) = (delivery.user, delivery.connection)
            try note(delivery)
            var backlog = store.emptyBacklog
            if rule == .wanted {
                backlog = try store.backlog(of: user, after: sent, bytes: backlogBytes)
                arrivals.arrive(connection, of: user, at: delivery.end)
            } else {
                try store.noteEverything(for: user)
            }
            mail.send(.seated(connection, .chat(backlog)), to: connection)
        case .leaveSeat(let seat, let connection, let delivery, let isBroken):
            if let delivery { try note(delivery) }
            leave(seat, connection, isBroken: isBroken)
            if case .counter = seat { mail.publish(.counterUsers(presence.counterUsers)) }
        case .delivered(let deliveries):
            for delivery in deliveries { try note(delivery) }
        case .sendBulk(let people):
            isWriting = true
            try sendBulk(to: people, &mail)
        case .sweep(let now, let slices):
            let rows = store.changedRows
            try sweep(now, slices, &mail)
            if store.changedRows != rows { isWriting = true }
        case .tidy(let now):
            try tidy(now, &isWriting)
            // Other commands write too.
            try takeRevocations(&mail)
        }
    }

    // MARK: - Seats

    private func takeSeat(_ seat: Seat, _ connection: ConnectionID) throws(StoreError) -> Seating {
        switch seat {
        case .chat(let user, let rule): return .chat(try arrive(user.id, by: connection, rule))
        case .person(let user): return .chat(try arrive(user.id, by: connection, .unneeded))
        case .notifications(let user):
            return .notifications(
                unread: try user.map { user throws(StoreError) in
                    try store.notifications.unreadCount(of: user)
                } ?? 0)
        case .counter:
            let value = try store.counter()
            presence.joinCounter()
            return .counter(value)
        case .room:
            return .unavailable
        }
    }

    private func arrive(
        _ user: UserID, by connection: ConnectionID, _ rule: Seat.BacklogRule
    ) throws(StoreError) -> Store.Backlog {
        let isPresent = presence.isPresent(user)
        // What another connection has not acknowledged yet may be missing too: it may have been this client's.
        var position = arrivals.position(of: user)
        if !isPresent {
            let delivered = try store.delivered(to: user)
            position = min(position ?? delivered, delivered)
        }
        // The store first: when it throws, nobody has arrived.
        var backlog = store.emptyBacklog
        switch rule {
        case .wanted:
            if let position { backlog = try store.backlog(of: user, after: position, bytes: backlogBytes) }
            arrivals.arrive(connection, of: user, at: backlog.start)
        case .unneeded: if !isPresent { try store.noteEverything(for: user) }
        case .undecided: if let position { backlog = store.owedBacklog(after: position) }
        }
        presence.arrive(user)
        return backlog
    }

    /// That somebody is gone is true whatever becomes of the transaction.
    private func leave(_ seat: Seat, _ connection: ConnectionID, isBroken: Bool) {
        presence.leave(seat)
        if let user = seat.chatter { arrivals.leave(connection, of: user.id, isBroken: isBroken, at: .now) }
    }

    /// Notes what has reached a person by one connection, up to where no other one may have missed something.
    private func note(_ delivery: Delivery) throws(StoreError) {
        let user = delivery.user
        arrivals.confirm(delivery.connection, of: user, upTo: delivery.end)
        let end = min(delivery.end, arrivals.position(of: user) ?? delivery.end)
        try store.noteDelivery(to: user, after: delivery.start, upTo: end)
    }

    // MARK: - Otherwise

    private func sendBulk(to people: Int, _ mail: inout Exchange.Batch) throws(StoreError) {
        let limit = min(people, Self.bulkSlice)
        let sent = try store.sendBulkSlice(limit: limit, at: .now)
        isBulkDone = sent == nil
        for notification in sent ?? [] { mail.publish(.notification(notification)) }
        // What has queued meanwhile comes before the next slice.
        mail.send(.bulkSliceStored(remaining: sent.map { people - max($0.count, 1) } ?? 0), toShard: 0)
    }

    private func takeRevocations(_ mail: inout Exchange.Batch) throws(StoreError) {
        for revocation in try store.takeRevocations() { mail.tell(revocation) }
        for user in store.takeNewlyGone() { mail.tellOfDeletion(user) }
    }

    private func sweep(_ now: Timestamp, _ slices: Int, _ mail: inout Exchange.Batch) throws(StoreError) {
        var hasMore = try store.eraseSlice()
        if !hasMore {
            let slice = try store.retainSlice(retention, at: now)
            hasMore = slice.hasMore
            for (user, count) in slice.unread { mail.publish(.unreadCount(count, of: user)) }
        }
        if !hasMore { sweepWork.exists.store(false, ordering: .relaxed) }
        // While the journal can't be emptied, there is no use in trying again at once.
        mail.send(.swept(remaining: hasMore && !store.wantsScrub ? slices - 1 : 0), toShard: 0)
    }

    private func tidy(_ now: Timestamp, _ isWriting: inout Bool) throws(StoreError) {
        if failure.stopsWriting {
            isWriting = true
            try store.probe()
        }
        arrivals.forget(before: now - recovery)
        if store.hasUnfiledMessages {
            isWriting = true
            try store.fileMessages()
        }
        var hasSweepWork = try store.isErasing()
        if !hasSweepWork { hasSweepWork = try store.hasAged(retention, at: now) }
        if hasSweepWork { sweepWork.exists.store(true, ordering: .relaxed) }
        if now - .seconds(3600) > forgottenAt {
            try store.forgetClientIDs(at: now)
            try store.forgetRevocations(before: now - .seconds(86_400))
            try store.accounts.forgetTokens(expiredBefore: now - .seconds(86_400))
            forgottenAt = now
        }
    }

    /// Tells whoever asked that nothing was stored. Who has left has left all the same, and who came will leave.
    private func fail(_ submissions: [Submission], _ error: StoreError) {
        failure.note(error.message)
        for submission in submissions {
            switch submission {
            case .change(_, .connection(let connection, let ticket)):
                exchange.send(.answer(connection, .refused(.storeUnavailable), ticket), to: connection)
            case .change(_, .caller(let tell)):
                tell(.refused(.storeUnavailable))
            case .work(let work):
                work.fail(error)
            case .takeSeat(let seat, let connection):
                presence.arrive(in: seat)
                exchange.send(.seated(connection, .unavailable), to: connection)
            case .continueBacklog(let delivery, _, _):
                exchange.send(.seated(delivery.connection, .unavailable), to: delivery.connection)
            case .leaveSeat(let seat, let connection, let delivery, let isBroken):
                if let delivery { arrivals.confirm(delivery.connection, of: delivery.user, upTo: delivery.end) }
                leave(seat, connection, isBroken: isBroken)
                if case .counter = seat { exchange.publish(.counterUsers(presence.counterUsers)) }
            case .sendBulk:
                exchange.send(.bulkSliceStored(remaining: 0), toShard: 0)
            case .sweep:
                exchange.send(.swept(remaining: 0), toShard: 0)
            case .delivered, .tidy:
                break
            }
        }
    }
}

extension Presence {
    fileprivate mutating func arrive(in seat: Seat) {
        if let user = seat.chatter { arrive(user.id) }
        if case .counter = seat { joinCounter() }
    }

    fileprivate mutating func leave(_ seat: Seat) {
        if let user = seat.chatter { leave(user.id) }
        if case .counter = seat { leaveCounter() }
    }

    /// Takes back who came or left with a submission whose transaction failed.
    fileprivate mutating func undo(_ submission: Submission) {
        switch submission {
        case .takeSeat(let seat, _): leave(seat)
        case .leaveSeat(let seat, _, _, _): arrive(in: seat)
        case .change, .work, .continueBacklog, .delivered, .sendBulk, .sweep, .tidy: break
        }
    }
}
