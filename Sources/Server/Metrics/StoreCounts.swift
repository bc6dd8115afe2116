import Metrics
import Synchronization

/// What the writer has counted since the server started.
struct StoreCounts: Sendable {
    /// Transactions that wrote something.
    private(set) var commits: UInt64 = 0
    /// Transactions that failed.
    var errors: UInt64 = 0
    /// How much one of the former carried out.
    private(set) var batchSize = Histogram(.size)
    /// How long the disk took for it.
    private(set) var commitTime = Histogram(.latency)
    /// From the frame that asked for a change to the commit.
    var storeTime = Histogram(.latency)

    mutating func note(_ changes: Int, committedIn microseconds: UInt64) {
        commits += 1
        batchSize.note(UInt64(changes))
        commitTime.note(microseconds)
    }
}

/// What the writer's thread counts in once a transaction, and a scrape reads without waiting for a transaction.
final class StoreMeter: Sendable {
    let counts = Mutex(StoreCounts())
}
