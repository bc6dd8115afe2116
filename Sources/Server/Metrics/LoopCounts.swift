import Dialects
import EventLoop
import HTTP
import Metrics

/// What one loop has counted since it started: plain integers, so that counting takes no lock. A scrape asks for a copy.
struct LoopCounts: Sendable {
    /// Sessions that have a seat, or have asked for one; the only one of these that goes down again.
    var connections = Tally<DialectName>()
    /// Seats that were taken.
    var handshakes = Tally<DialectName>()
    /// What clients sent, whatever became of it.
    var received = Tally<DialectName>()
    /// Frames for clients: what they hear, answers, backlogs.
    var sent = Tally<DialectName>()
    /// How often somebody heard of an event.
    var deliveries = Tally<EventKind>()
    var refusals = Tally<RefusalReason>()
    /// Requests that other nodes are to answer, and those that none has answered.
    var forwarded = Tally<ForwardedKind>()
    var forwardFailures = Tally<ForwardFailure>()
    /// Events that were merged or dropped, each for one receiver that was behind with reading.
    var heldBack: UInt64 = 0
    var closedByServer = Tally<CloseKind>()
    var closedByPeer = Tally<CloseKind>()
    /// By the number of their status.
    private(set) var responses = [UInt64](repeating: 0, count: 600)
    /// From the commit to the end of the turn that wrote what was to be heard of it.
    var deliveryTime = Histogram(.latency)
    /// How late the loop came to what was due.
    private(set) var lag = Histogram(.lag)

    mutating func noteLag(of now: UInt64, due: UInt64) { lag.note(now > due ? now - due : 0) }

    mutating func note(_ status: Status) { responses[status.code] += 1 }

    mutating func add(_ other: LoopCounts) {
        connections.add(other.connections)
        handshakes.add(other.handshakes)
        received.add(other.received)
        sent.add(other.sent)
        deliveries.add(other.deliveries)
        refusals.add(other.refusals)
        forwarded.add(other.forwarded)
        forwardFailures.add(other.forwardFailures)
        heldBack += other.heldBack
        closedByServer.add(other.closedByServer)
        closedByPeer.add(other.closedByPeer)
        for code in responses.indices { responses[code] += other.responses[code] }
        deliveryTime.add(other.deliveryTime)
    }
}

/// One loop at one moment.
struct LoopSnapshot: Sendable {
    let counts: LoopCounts
    let work: LoopWork
    let bytesForPolls: Int
    let unconnectedClients: Int
    let forwardsUnderWay: Int

    /// On the hub's loop.
    init(_ hub: Hub) {
        counts = hub.meter.now
        work = hub.loop.work
        bytesForPolls = hub.bytesForPolls
        unconnectedClients = hub.unconnectedClients
        forwardsUnderWay = hub.forwarding?.underWay ?? 0
    }
}
