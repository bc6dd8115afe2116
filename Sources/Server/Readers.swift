import Chat
import EventLoop
import Storage

/// The database as those see it who only read: a connection of its own, on a thread of its own. There is one for what
/// is found at once, such as whose a token is, and one for what may take long, such as a history.
final class Readers: Sendable {
    private let worker: Worker<@Sendable (ReadStore) -> Void>

    init(_ store: sending ReadStore, limit: Int) {
        worker = Worker(limit: limit, owning: store) { store, batch in for read in batch { read(store) } }
    }

    /// Has `body` run on the reader's thread; `false` when too much waits there already.
    func submit(_ body: @escaping @Sendable (ReadStore) -> Void) -> Bool { worker.post(body) }

    /// Reads for a caller who waits.
    func read<Result: Sendable>(
        _ body: @escaping @Sendable (ReadStore) throws(StoreError) -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let isQueued = submit { store in continuation.resume(with: Swift.Result { try body(store) }) }
            if !isQueued { continuation.resume(throwing: Writer.QueueFull()) }
        }
    }

    func stop() { worker.stop() }
}
