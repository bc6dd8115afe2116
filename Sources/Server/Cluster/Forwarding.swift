import Chat
import Cluster
import EventLoop
import HTTP

/// Passes requests of Socket.IO on to the nodes that have the sessions: for one loop, with its connections to them.
final class Forwarding {
    let nodes: Nodes
    /// What nodes know each other by.
    let key: [UInt8]
    private let bus: BusCounts?
    /// Up to when nodes may be there that are not heard, on the loop's clock.
    private var lostUntil: UInt64 = 0
    private unowned let hub: Hub
    /// Connections that rest, by the loop of the node that they have come to; the last was used last.
    private var resting: [SessionID.Home: [NodeConnection]] = [:]
    /// Those that are used.
    private var used: [NodeID: Int] = [:]
    private var said = Seldom(), saidOfStrangers = Seldom()

    /// How many connections to one loop of a node may rest.
    private static let restingLimit = 64
    /// How many to one node may be used, so that those to others find descriptors.
    private static let usedLimit = 10_000

    init(_ nodes: Nodes, _ bus: BusCounts?, key: [UInt8], of hub: Hub) {
        self.nodes = nodes
        self.bus = bus
        self.key = key
        self.hub = hub
    }

    /// How many requests and websockets are under way.
    var underWay: Int { used.values.reduce(0, +) }

    /// Asks a node. Its answer, or that there is none, reaches the conversation later.
    ///
    /// - Returns: The connection that it takes, or why there can't be one.
    func ask(_ request: ForwardedRequest) -> Result<NodeConnection, ForwardFailure> {
        guard let node = request.home.node else { return .failure(.unknownNode) }
        if used[node, default: 0] >= Self.usedLimit { return .failure(.tooMany) }
        // Also where one rests: a node that has left takes nothing more.
        guard let address = address(of: node) else { return .failure(.unknownNode) }
        used[node, default: 0] += 1
        if let connection = resting[request.home]?.popLast() {
            if resting[request.home]?.isEmpty == true { resting[request.home] = nil }
            connection.ask(request)
            return .success(connection)
        }
        let connection = hub.place { NodeConnection($0, request, of: self, hub) }
        connection.dial(address)
        return .success(connection)
    }

    /// A connection is used no more.
    ///
    /// - Returns: Whether it may rest until there is another request for the node.
    func finished(_ connection: NodeConnection, to home: SessionID.Home, mayRest: Bool) -> Bool {
        guard let node = home.node else { return false }
        used[node, default: 1] -= 1
        if used[node] == 0 { used[node] = nil }
        guard mayRest, !hub.isStopping, resting[home]?.count ?? 0 < Self.restingLimit else { return false }
        resting[home, default: []].append(connection)
        return true
    }

    /// A connection that rested is gone.
    func forget(_ connection: NodeConnection, to home: SessionID.Home) {
        resting[home]?.removeAll { $0 === connection }
        if resting[home]?.isEmpty == true { resting[home] = nil }
    }

    private func address(of node: NodeID) -> SocketAddress? {
        nodes.address(of: node, isBusLost: hub.loop.now < lostUntil)
    }

    /// Whether a node may be there still.
    func knows(_ home: SessionID.Home) -> Bool { home.node.flatMap { address(of: $0) } != nil }

    /// While the bus is lost, nodes are asked that are not heard: sessions need not end. Whoever is gone refuses.
    func secondPassed() {
        if let bus, bus.problem != nil { lostUntil = hub.loop.now + Self.returnTime }
    }

    /// How long it takes at the most until others are heard again, in milliseconds.
    private static let returnTime: UInt64 = 5000

    // MARK: - What goes wrong

    func failed(_ reason: ForwardFailure, _ home: SessionID.Home) {
        hub.meter.forwardingFailed(reason)
        // Of sessions of nodes that are gone there is nothing to say: their clients come back.
        if reason == .unknownNode || !said.isDue(at: hub.loop.now) { return }
        hub.log.warning(
            "a request could not be forwarded", ["node": home.node?.text ?? "none", "reason": reason.label])
    }

    /// Something came that is not of another node, as far as can be told.
    func refused(_ reason: Voucher.Refusal, from address: String) {
        hub.note(.notFromNode)
        if !saidOfStrangers.isDue(at: hub.loop.now) { return }
        let words =
            switch reason {
            case .missing, .malformed: "it is none"
            case .forged: "it is not sealed with the cluster's key"
            case .stale(let seconds): "the nodes' clocks differ by \(abs(seconds)) s"
            }
        hub.log.warning("what came for nodes was refused", ["address": address, "reason": words])
    }
}

/// What a request that is forwarded asks for.
enum ForwardedKind: Int, CaseIterable, Sendable {
    case poll, post, webSocket

    var label: String { "\(self)".lowercased() }
}

/// Why a request was not answered by the node that has its session.
enum ForwardFailure: Int, CaseIterable, Error, Sendable {
    /// There is no such node, or it has left.
    case unknownNode
    /// It can't be connected to.
    case unreachable
    /// The connection ended before there was an answer.
    case lost
    /// There was none in time.
    case tooLate
    /// What came was none.
    case badAnswer
    /// It takes this node for none of its cluster: the log of the other one says why.
    case refused
    /// As much is under way as may, or the system has no descriptors left.
    case tooMany

    var label: String { "\(self)".snakeCase }
}

/// A request on its way to another node.
struct ForwardedRequest {
    let kind: ForwardedKind
    let home: SessionID.Home
    /// Who waits for the answer.
    let conversation: HTTPConversation
    /// As it goes on the wire.
    let bytes: [UInt8]
}

extension Hub {
    /// How long the answer of another node may be.
    var answerLimits: HTTPLimits {
        var limits = httpLimits
        // One message may be as long as all that waits for a client, and longer in Base64.
        limits.body = 2 * settings.sendQueue + settings.maxPayload
        return limits
    }
}

extension Span<UInt8> {
    /// The bytes, to be kept.
    var copy: [UInt8] {
        // The pointer goes no further than the call that copies from it.
        unsafe withUnsafeBufferPointer { unsafe Array($0) }
    }
}
