import EventLoop
import Metrics

/// When things began whose end is near, in microseconds of a clock that goes round: those of one moment together, as a
/// turn of a loop, or a transaction, has one reading of the clock for all that is in it.
///
/// A class, whose numbers are its own: counting one more is checked for no overlapping access at run time.
final class Beginnings {
    private var runs: [(moment: UInt32, count: UInt64)] = []
    /// The last run, which is not among the others.
    private var moment: UInt32 = 0
    private var count: UInt64 = 0

    /// The clock that all moments are of.
    static var now: UInt32 { UInt32(truncatingIfNeeded: System.microsecondsForward) }

    var isEmpty: Bool { count == 0 }

    func note(_ moment: UInt32, times: UInt64 = 1) {
        if self.moment != moment, count > 0 {
            runs.append((self.moment, count))
            count = 0
        }
        self.moment = moment
        count += times
    }

    /// All have ended now; how long they took is noted.
    func end(at now: UInt32, in histogram: inout Histogram) {
        for run in runs { histogram.note(UInt64(now &- run.moment), times: run.count) }
        if count > 0 { histogram.note(UInt64(now &- moment), times: count) }
        forget()
    }

    /// They have come to nothing.
    func forget() {
        count = 0
        if !runs.isEmpty { runs.removeAll(keepingCapacity: runs.capacity < 4096) }
    }
}
