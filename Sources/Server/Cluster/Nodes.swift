import Cluster
import EventLoop
import Synchronization

/// The nodes of the cluster that are alive, for every thread.
final class Nodes: Sendable {
    /// This one.
    let own: NodeID
    private let others = Mutex(Others())

    private struct Others {
        var addresses: [NodeID: SocketAddress] = [:]
        /// Of those that are not heard any more, the last one last.
        var former: [(node: NodeID, address: SocketAddress)] = []
    }

    /// How many are remembered.
    private static let formerLimit = 64

    init(own: NodeID) { self.own = own }

    /// Where another node takes what is forwarded to it; `nil` when there was none of that name lately. One that is not
    /// heard over the bus may be there all the same: it is asked, and whoever is gone refuses the connection.
    func address(of node: NodeID) -> SocketAddress? {
        others.withLock { others in
            others.addresses[node] ?? others.former.first { $0.node == node }?.address
        }
    }

    /// How many are heard, with this one.
    var count: Int { others.withLock { $0.addresses.count } + 1 }

    func set(_ address: SocketAddress?, of node: NodeID) {
        others.withLock { others in
            others.former.removeAll { $0.node == node }
            guard let before = others.addresses.removeValue(forKey: node) ?? address else { return }
            if let address {
                others.addresses[node] = address
            } else {
                others.former.append((node, before))
                if others.former.count > Self.formerLimit { others.former.removeFirst() }
            }
        }
    }
}
