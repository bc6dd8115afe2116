import Chat
import EventLoop
import Storage

/// The database as those see it who only read: connections of their own, on threads of their own. There is one for what
/// is found at once, such as whose a token is, and some for what may take long, such as a history.
final class Readers: Sendable {
    typealias Read = @Sendable (ReadStore) -> Void

    private let workers: [Worker<Read>]

    /// Starts a thread.
    ///
    /// - Parameter limit: How many reads may wait.
    init(_ store: sending ReadStore, limit: Int) {
        workers = [Worker(limit: limit, owning: store) { store, batch in for read in batch { read(store) } }]
    }

    /// Starts two threads, on which each read is of one moment: one that takes long then holds up only half of the others.
    init(_ first: sending ReadStore, _ second: sending ReadStore, limit: Int) {
        workers = [Self.worker(first, limit), Self.worker(second, limit)]
    }

    private static func worker(_ store: sending ReadStore, _ limit: Int) -> Worker<Read> {
        Worker(limit: limit / 2 + 1, owning: store) { store, batch in
            for read in batch { store.snapshot { read(store) } }
        }
    }

    /// Has `body` run on a reader's thread; `false` when too much waits there already.
    func submit(_ body: @escaping Read) -> Bool {
        workers.min { $0.count < $1.count }?.post(body) ?? false
    }

    /// Reads for a caller who waits.
    func read<Result: Sendable>(
        _ body: @escaping @Sendable (ReadStore) throws(StoreError) -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let isQueued = submit { store in continuation.resume(with: Swift.Result { try body(store) }) }
            if !isQueued { continuation.resume(throwing: Refusal.storeBusy) }
        }
    }

    /// How many reads wait.
    var waiting: Int { workers.reduce(0) { $0 + $1.count } }

    /// Has `body` run on each of the threads, behind what waits there.
    func tellAll(_ body: @escaping Read) { for worker in workers { worker.postAnyway(body) } }

    func stop() { for worker in workers { worker.stop() } }
}
