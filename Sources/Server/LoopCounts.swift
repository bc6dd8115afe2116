import Dialects
import Metrics

/// What one loop has counted since it started: plain integers of its own, so that counting takes no lock. A scrape asks
/// for a copy.
struct LoopCounts: Sendable {
    /// Sessions that have a seat, or have asked for one; the only one of these that goes down again.
    var connections = Tally<DialectName>()
    /// Seats that were taken.
    var handshakes = Tally<DialectName>()
    var refusals = Tally<RefusalReason>()
    /// Events that were merged or dropped, each for one receiver that was behind with reading.
    var heldBack: UInt64 = 0

    mutating func add(_ other: LoopCounts) {
        connections.add(other.connections)
        handshakes.add(other.handshakes)
        refusals.add(other.refusals)
        heldBack += other.heldBack
    }
}
