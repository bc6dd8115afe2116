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

    /// Where another node takes what is forwarded to it; `nil` when there is none of that name.
    ///
    /// - Parameter isBusLost: Then one that is not heard any more may be there all the same.
    func address(of node: NodeID, isBusLost: Bool = false) -> SocketAddress? {
        others.withLock { others in
            others.addresses[node] ?? (isBusLost ? others.former.first { $0.node == node }?.address : nil)
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
