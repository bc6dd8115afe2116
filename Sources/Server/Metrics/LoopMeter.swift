import Dialects
import EventLoop
import HTTP
import WebSocket

/// Where one loop counts, on its own thread.
final class LoopMeter {
    private var counts = LoopCounts()
    // What is counted with every message is apart, and private: the compiler sees that nothing is called within an
    // access, and checks none at run time.
    private var receivedNow = Tally<DialectName>()
    private var sentNow = Tally<DialectName>()
    private var heardNow = Tally<EventKind>()
    /// When what the loop hears of now was committed, and of what it has heard and not written yet.
    private var committedAt: UInt32 = 0
    private let unwritten = Beginnings()
    private var tickedAt: UInt64
    private let tickLength: UInt64

    /// - Parameter tickLength: Microseconds between two calls of ``ticked()``.
    init(tickLength: UInt64) {
        tickedAt = System.microsecondsForward
        self.tickLength = tickLength
    }

    var now: LoopCounts {
        var counts = counts
        counts.received = receivedNow
        counts.sent = sentNow
        counts.deliveries = heardNow
        return counts
    }

    // MARK: - Clients

    func connected(_ name: DialectName) { counts.connections[name] += 1 }
    func disconnected(_ name: DialectName) { counts.connections[name] -= 1 }
    func seated(_ name: DialectName) { counts.handshakes[name] += 1 }
    func received(_ name: DialectName) { receivedNow[name] &+= 1 }
    func sent(_ name: DialectName) { sentNow[name] &+= 1 }
    func refused(_ reason: RefusalReason) { counts.refusals[reason] += 1 }
    /// Something was merged or left out for a receiver that is behind with reading.
    func heldBack() { counts.heldBack += 1 }
    func closedByServer(_ code: CloseCode) { counts.closedByServer[CloseKind(code)] += 1 }
    func closedByPeer(_ code: CloseCode) { counts.closedByPeer[CloseKind(code)] += 1 }
    func forwarded(_ kind: ForwardedKind) { counts.forwarded[kind] += 1 }
    func forwardingFailed(_ reason: ForwardFailure) { counts.forwardFailures[reason] += 1 }
    func responded(_ status: Status) { counts.note(status) }

    // MARK: - What is heard

    /// What follows was committed then, by ``Beginnings``' clock.
    func committed(at moment: UInt32) { committedAt = moment }

    /// So many were handed something to be written at the end of the turn.
    func heard(_ kind: EventKind, by hearers: UInt64) {
        heardNow[kind] &+= hearers
        if kind.isStored { unwritten.note(committedAt, times: hearers) }
    }

    /// What was handed out before has been written by now.
    func written() {
        if !unwritten.isEmpty { unwritten.end(at: Beginnings.now, in: &counts.deliveryTime) }
    }

    /// The loop has come to its timer: so much later than was due, because something else had the loop, or its thread had
    /// no processor.
    func ticked() {
        let now = System.microsecondsForward
        counts.noteLag(of: now, due: tickedAt + tickLength)
        tickedAt = now
    }
}
