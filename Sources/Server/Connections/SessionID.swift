import Cluster
import JWT

/// Names that nobody can guess, for the sessions and sockets of Socket.IO.
enum SessionID {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// 20 characters, 120 bits.
    static func random() -> String { Base64URL.encode(RandomBytes.make(15)) }

    /// Which loop has a session, and of which node where it is a cluster's.
    struct Home: Hashable {
        let node: NodeID?
        let shard: UInt16
    }

    /// The same behind two that tell which shard has the session, and in a cluster eight that tell which node.
    static func random(onShard shard: UInt16, of node: NodeID?) -> String {
        let prefix = [digits[Int(shard) / 64 % 64], digits[Int(shard) % 64]]
        return String(decoding: prefix, as: UTF8.self) + (node?.text ?? "") + random()
    }

    /// Who has a session, as its id says; `nil` where no session has such an id.
    static func home(of sid: String, isInCluster: Bool) -> Home? {
        let places = sid.utf8.prefix(2).compactMap { digits.firstIndex(of: $0) }
        guard places.count == 2 else { return nil }
        let shard = UInt16(places[0] * 64 + places[1])
        if !isInCluster { return Home(node: nil, shard: shard) }
        let rest = sid.utf8.dropFirst(2)
        guard rest.count == NodeID.length + 20,
            let node = NodeID(String(decoding: rest.prefix(NodeID.length), as: UTF8.self))
        else { return nil }
        return Home(node: node, shard: shard)
    }
}
