import EventLoop
import Storage

/// How long a store on the network has been away, and what is not known meanwhile.
struct Outage {
    /// How long changes wait, from the first that could not be stored on.
    let patience: Duration
    private var began: ContinuousClock.Instant?
    /// The mail of a transaction of which nobody knows yet whether it was committed. Its senders were told that it was
    /// not; those who hear of it when it was must not be told less than the store holds.
    var unsettled: Exchange.Batch?

    init(patience: Duration) { self.patience = patience }

    /// Whether to try again, after what failed just now.
    mutating func mayWait() -> Bool {
        let now = ContinuousClock.now
        let start = began ?? now
        began = start
        return now - start < patience
    }

    mutating func end() { began = nil }

    /// Blocks the thread for the moment that is worth waiting: the store says itself when it is worth an attempt.
    static func pause() { System.sleep(milliseconds: 20) }
}
