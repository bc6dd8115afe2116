import Cluster
import Testing

@testable import Server

@Suite struct SessionIDTests {
    @Test("an id tells who has the session", arguments: [0, 1, 63, 64, 4095] as [UInt16])
    func home(_ shard: UInt16) {
        let node = NodeID.random()
        let alone = SessionID.random(onShard: shard, of: nil), shared = SessionID.random(onShard: shard, of: node)
        #expect(alone.utf8.count == 22 && shared.utf8.count == 30)
        #expect(SessionID.random(onShard: shard, of: node) != shared)
        #expect(SessionID.home(of: alone, isInCluster: false) == .init(node: nil, shard: shard))
        #expect(SessionID.home(of: shared, isInCluster: true) == .init(node: node, shard: shard))
    }

    @Test("what is no id has no shard", arguments: ["", "A", "Ä", "=="])
    func noSession(_ text: String) { #expect(SessionID.home(of: text, isInCluster: false) == nil) }

    @Test("in a cluster, what has another form is no id", arguments: ["", "A", "AA", "é", "AAAA", "AAäöüßAAAA"])
    func others(_ start: String) {
        #expect(SessionID.home(of: start, isInCluster: true) == nil)
        let long = start + String(repeating: "A", count: 30 - min(30, start.utf8.count)) + "A"
        #expect(SessionID.home(of: long, isInCluster: true) == nil)
        #expect(SessionID.home(of: SessionID.random(onShard: 0, of: nil), isInCluster: true) == nil)
        let bad = "AA" + String(repeating: "ä", count: 4) + String(repeating: "A", count: 20)
        #expect(SessionID.home(of: bad, isInCluster: true) == nil)
    }
}
