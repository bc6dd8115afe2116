import Cluster
import EventLoop
import Synchronization

/// The nodes of the cluster that are alive, for every thread.
final class Nodes: Sendable {
    /// This one.
    let own: NodeID
    private let others = Mutex<[NodeID: SocketAddress]>([:])

    init(own: NodeID) { self.own = own }

    /// Where another node takes what is forwarded to it; `nil` when there is none of that name.
    func address(of node: NodeID) -> SocketAddress? { others.withLock { $0[node] } }

    /// How many there are, with this one.
    var count: Int { others.withLock { $0.count } + 1 }

    func set(_ address: SocketAddress?, of node: NodeID) { others.withLock { $0[node] = address } }
}
