import Chat
import Storage

/// What the one writer of the store is asked for. A change, which most are, needs no memory of its own here; what is rare
/// doesn't make it larger.
enum Submission: Sendable {
    case change(Change, Origin)
    /// Work on the store for a caller who waits for it.
    indirect case work(Work)
    /// A connection wants its seat. Its place among the changes decides what it must be told, and what it hears live.
    indirect case takeSeat(Seat, ConnectionID)
    /// The same of one whose client says that it was here, or on another node.
    indirect case returnToSeat(Seat, ConnectionID, Recoveries.Claim)
    /// What has changed of clients that may come back to other nodes.
    indirect case keep(Recoveries)
    /// More of the backlog, behind what was sent, or the end of it.
    indirect case continueBacklog(Delivery, sent: MessageID, Seat.BacklogRule)
    /// A connection is gone; a broken one may come back for what it missed.
    indirect case leaveSeat(Seat, ConnectionID, Delivery?, isBroken: Bool)
    /// What has reached people, so that little is repeated after a crash.
    indirect case delivered([Delivery])
    /// Bulk messages may serve so many people until the next tick.
    indirect case sendBulk(Int)
    /// So many slices of what is deleted or too old may be erased until the next tick.
    indirect case sweep(Timestamp, slices: Int)
    /// The bus is to be told how far the store has got.
    case look
    /// People have come to other nodes too, where it has to be known how far they have got here.
    indirect case meet([UserID])
    /// Their clients have come to another node, and were given what those here may have missed.
    indirect case yield([UserID])
    /// How many notifications people have not read is to be told anew, and the counter.
    indirect case recount([UserID])
    /// Housekeeping, once a second.
    indirect case tidy(Timestamp)

    /// Who hears what becomes of a change.
    enum Origin: Sendable {
        case connection(ConnectionID, Ticket)
        case caller(@Sendable (Outcome) -> Void)
    }

    /// Whether it writes, as a rule.
    var isWriting: Bool {
        switch self {
        case .change, .work, .delivered, .sendBulk, .sweep, .tidy, .keep: true
        case .takeSeat, .returnToSeat, .continueBacklog, .leaveSeat, .look, .meet, .yield, .recount: false
        }
    }

    struct Work: Sendable {
        /// Runs inside the transaction, and returns what tells the caller once that is on the disk. What is to be heard of
        /// it takes its place among the events.
        let run: @Sendable (Store, inout [Event]) throws(StoreError) -> @Sendable () -> Void
        let fail: @Sendable (StoreError) -> Void
    }
}
