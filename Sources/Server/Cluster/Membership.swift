import Chat
import Cluster
import EventLoop
import Redis
import Storage

/// What a node has of its cluster from the start, before it is heard.
struct Membership: Sendable {
    /// Of the Redis that connects the nodes.
    let url: RedisURL
    /// What they know each other by: a secret of their store.
    let key: [UInt8]
    let nodes = Nodes(own: .random())
    let elsewhere = Elsewhere()
    let loop = EventLoop()
    let inbox: Mailbox<BusMail>
    /// The newest batch in the store, and how far the store had got then.
    let seen: (batch: Int64, position: StorePosition)

    /// - Returns: `nil` where the server is alone.
    init?(_ settings: Configuration, _ store: Store) throws(Server.StartError) {
        guard let url = settings.bus else { return nil }
        self.url = url
        do throws(StoreError) {
            key = try store.transaction { () throws(StoreError) in
                try store.secret("cluster", orFresh: RandomBytes.make(32))
            }
        } catch {
            throw Server.StartError(description: "cannot read the cluster's secret: \(error)")
        }
        seen = store.seen
        inbox = loop.makeInbox()
    }
}
