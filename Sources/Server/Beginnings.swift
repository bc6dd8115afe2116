import EventLoop
import Metrics

/// When things began whose end is near, in microseconds of a clock that goes round: those of one moment together, as a
/// turn of a loop, or a transaction, has one reading of the clock for all that is in it.
struct Beginnings {
    private var runs: [(moment: UInt32, count: UInt64)] = []

    /// The clock that all moments are of.
    static var now: UInt32 { UInt32(truncatingIfNeeded: System.microsecondsForward) }

    var isEmpty: Bool { runs.isEmpty }

    mutating func note(_ moment: UInt32, times: UInt64 = 1) {
        if let last = runs.indices.last, runs[last].moment == moment {
            runs[last].count += times
        } else {
            runs.append((moment, times))
        }
    }

    /// All have ended now; how long they took is noted.
    mutating func end(at now: UInt32, in histogram: inout Histogram) {
        for run in runs { histogram.note(UInt64(now &- run.moment), times: run.count) }
        forget()
    }

    /// They have come to nothing.
    mutating func forget() { runs.removeAll(keepingCapacity: runs.capacity < 4096) }
}
