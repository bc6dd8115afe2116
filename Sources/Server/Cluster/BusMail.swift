import Chat
import Cluster
import Storage

/// What the bus is told by the threads of its node. Indirect: one word, which is handed on.
indirect enum BusMail: Sendable {
    /// A seat is to be taken: from here on, what its connection may hear has to come here.
    case sits(Seat)
    /// A seat is left; the client may come back for what it missed.
    case leaves(Seat, mayReturn: Bool)
    /// The writer has committed what something is to be heard of, at this moment by ``Beginnings``' clock.
    case committed(Announcement, Exchange.Batch, at: UInt32)
    /// The writer has seen the newest batch there is, and how far the store has got; all of its own were told before.
    case saw(Int64, StorePosition)
    /// What was heard here at once, and may be for others.
    case passing(Event)
    /// Up to which message all has certainly reached a person's connections here that can't ask for what they missed; `nil`
    /// where there are none.
    case reached(MessageID?, UserID)
    /// One of those has come, which was given all that others may have missed.
    case arrived(UserID)
    /// A person sends messages, the first since it was last asked how many.
    case spends(Usage)
    /// A client of Socket.IO has come back that was another node's.
    case returned(String, from: NodeID)
    /// What was missed, from the store.
    case missed(Result<Missed, StoreError>)
}
