import Chat
import EventLoop
import Storage
import Synchronization

/// The thread that changes the store: it takes all that has queued, runs it in one transaction, and lets the world
/// hear of it once that is on the disk.
final class Writer: Sendable {
    private let worker: Worker<Submission>
    private let failure: StoreFailure
    private let bulkWork: SlicedWork
    private let sweepWork: SlicedWork
    private let meter: StoreMeter
    private let exchange: Exchange

    /// - Parameters:
    ///   - limit: How many changes may wait.
    ///   - backlogBytes: How much text a connection is sent at once of what it missed.
    ///   - retention: How long what is kept.
    ///   - recovery: How long a connection that broke is waited for while others of the same person are there.
    ///   - patience: How long changes wait for a store that is away.
    init(
        _ store: sending Store, _ exchange: Exchange, _ elsewhere: Elsewhere?, limit: Int, backlogBytes: Int,
        retention: Retention,
        recovery: Duration, patience: Duration, log: Log
    ) {
        let failure = StoreFailure(log)
        self.failure = failure
        self.exchange = exchange
        let bulkWork = SlicedWork()
        self.bulkWork = bulkWork
        let sweepWork = SlicedWork()
        self.sweepWork = sweepWork
        let meter = StoreMeter()
        self.meter = meter
        let clerk = Clerk(
            store, exchange, failure, bulkWork, sweepWork, meter, elsewhere, backlogBytes: backlogBytes,
            retention: retention,
            recovery: recovery, outage: Outage(patience: patience))
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
    var hasRoom: Bool { worker.hasRoom && !exchange.isBehind }

    /// Queues what may be turned away; `false` when too much waits already, for the store or to be delivered.
    func submit(_ submission: Submission) -> Bool { !exchange.isBehind && worker.post(submission) }

    /// Queues what keeps the books straight, and what was read of a connection that is gone: seats taken and left,
    /// deliveries, its last changes. Their number is bounded by that of the connections.
    func submitAnyway(_ submission: Submission) { worker.postAnyway(submission) }

    /// Makes a change, for a caller who waits until it is on the disk.
    func perform(_ change: Change) async -> Outcome {
        await withCheckedContinuation { continuation in
            if !submit(.change(change, .caller { continuation.resume(returning: $0) })) {
                continuation.resume(returning: .refused(.storeBusy))
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
            if !submit(.work(work)) { continuation.resume(throwing: Refusal.storeBusy) }
        }
    }

    /// Finishes what is queued and ends the thread. Blocks.
    func stop() { worker.stop() }
}

/// Whether there is work of one kind to be done in slices; nobody else asks the store four times a second.
final class SlicedWork: Sendable {
    let exists = Atomic(false)
}
