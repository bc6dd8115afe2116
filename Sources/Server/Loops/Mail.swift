import Chat
import Cluster
import EventLoop
import Storage
import Synchronization

/// What a shard is sent by the other threads. A piece is one word, as an event is one already.
enum Mail: Sendable {
    case event(Event)
    /// What follows up to the next of these was committed at this moment, by ``Beginnings``' clock.
    case committed(UInt32)
    /// A token was looked up.
    indirect case authenticated(ConnectionID, Authentication)
    /// What somebody signed in with is valid no more.
    indirect case revoked(Revocation)
    /// A person was deleted: nothing of theirs stays in memory.
    indirect case deleted(UserID)
    /// A slice of what is to be erased is done; so many more may be until the next tick.
    indirect case swept(remaining: Int)
    /// The store has seated a connection: from here on it hears what is committed.
    indirect case seated(ConnectionID, Seating)
    indirect case answer(ConnectionID, Answer, Ticket)
    /// What a connection asked to see.
    indirect case reply(ConnectionID, Look.Reply)
    /// Who hears that the connection's person types.
    indirect case typing(ConnectionID, Result<TypingSign, Refusal>, for: Destination)
    /// A slice of a bulk message is stored; so many people may be served yet before the next tick.
    indirect case bulkSliceStored(remaining: Int)
    /// A connection whose request is for a client of this shard.
    indirect case moved(MovingConnection)
    /// What a back end asks of clients of Socket.IO.
    indirect case emitted(Emission)
    /// The client came back while its old connection seemed alive.
    indirect case replaced(ConnectionID)
    /// What there is in a cluster only.
    indirect case cluster(ClusterMail)
}

/// What only the shards of a node in a cluster are sent.
enum ClusterMail: Sendable {
    /// How far the store had got where the seat is taken that comes next.
    case reached(StorePosition)
    /// A client comes back that the store knows, and was in these rooms.
    case returned(ConnectionID, KeptClients.Returned)
    /// What a client missed that has come back, in its words; `nil` where that is not known, or too much.
    case caughtUp(ConnectionID, [[UInt8]]?)
    /// Changes of other nodes were not heard, and the store does not tell them one by one: somebody may have been taken out
    /// of a conversation.
    case membershipsMissed
    /// Of these conversations, the connection's person is no member any more.
    case expelled(ConnectionID, [ConversationID])
    /// Likewise, how many notifications people have not read now.
    case recounted([UserID: Int])
}

extension Mail {
    /// Whether it is for one connection, or for the server itself, and not for whoever listens.
    fileprivate var isForOne: Bool {
        switch self {
        case .event, .emitted, .committed, .revoked, .deleted, .cluster(.membershipsMissed), .cluster(.recounted): false
        case .answer, .reply, .typing, .bulkSliceStored, .authenticated, .swept, .seated, .moved, .replaced, .cluster:
            true
        }
    }
}

/// What a seat starts with, as of the place in the stream of events where it was taken.
enum Seating: Sendable {
    /// What waited for the person; when it is not complete, more is to be asked for.
    case chat(Store.Backlog)
    case notifications(unread: Int)
    case counter(Int64)
    /// The store could not be read.
    case unavailable
}

/// Takes every event to every shard, in one order that is the same for all of them; what is said in a room only to those
/// where it has members.
final class Exchange: Sendable {
    private let inboxes: [Mailbox<Mail>]
    /// To the other nodes of the cluster; `nil` where there are none.
    let bus: Mailbox<BusMail>?
    /// Whether a shard is so far behind that nothing more is to be stored for now.
    private let behind = Atomic(false)
    /// Held while events are posted, which gives them their order.
    private let order = Mutex(())
    /// A room's events have an order of their own: loops that speak in different rooms hardly ever wait for each other.
    private let audiences = (0..<64).map { _ in Audiences() }

    /// The shards where rooms have members.
    private final class Audiences: Sendable {
        let shards = Mutex<[RoomName: [Int]]>([:])
    }

    init(_ inboxes: [Mailbox<Mail>], bus: Mailbox<BusMail>?) {
        self.inboxes = inboxes
        self.bus = bus
    }

    /// Publishes what may be turned away; `false` when a shard has fallen so far behind that more would only wait.
    func offer(_ event: Event) -> Bool {
        if !offerHere(event) { return false }
        bus?.post(.passing(event))
        return true
    }

    /// The same for what each node hears of by itself.
    func offerHere(_ event: Event) -> Bool { post(event, unlessBehind: true) }

    /// Pieces of mail that may wait for a shard before what nobody stored is refused, and what is to be stored waits.
    private static let limit = 50_000

    func publish(_ event: Event) {
        _ = post(event, unlessBehind: false)
        bus?.post(.passing(event))
    }

    private func post(_ event: Event, unlessBehind isOffer: Bool) -> Bool {
        if inboxes.count > 1, case .room(let room, _, _) = event {
            return audience(of: room).shards.withLock { shards in
                let hearing = shards[room] ?? []
                if isOffer, hearing.contains(where: { inboxes[$0].count >= Self.limit }) { return false }
                for shard in hearing { inboxes[shard].post(.event(event)) }
                return true
            }
        }
        if isOffer, hasFullInbox { return false }
        if inboxes.count == 1 {
            inboxes[0].post(.event(event))
        } else {
            order.withLock { _ in for inbox in inboxes { inbox.post(.event(event)) } }
        }
        return true
    }

    /// What a back end asks of clients of Socket.IO, in one order for all shards; `false` when one is too far behind.
    func offer(_ emission: Emission) -> Bool {
        if hasFullInbox { return false }
        order.withLock { _ in for inbox in inboxes { inbox.post(.emitted(emission)) } }
        return true
    }

    private func audience(of room: RoomName) -> Audiences {
        audiences[Int(UInt(bitPattern: room.hashValue) % UInt(audiences.count))]
    }

    /// From here on, or until the same with `false`, a shard hears what is said in a room.
    func listen(_ isListening: Bool, to room: RoomName, shard: Int) {
        if inboxes.count == 1 { return }
        audience(of: room).shards.withLock { shards in
            if isListening {
                shards[room, default: []].append(shard)
            } else {
                shards[room]?.removeAll { $0 == shard }
                if shards[room]?.isEmpty == true { shards[room] = nil }
            }
        }
    }

    /// Delivers what a batch of changes brought: to each shard its part, in order. In a cluster that is left to the bus,
    /// which puts it among those of other nodes.
    ///
    /// - Parameter moment: When they were committed, by ``Beginnings``' clock.
    func deliver(_ mail: inout Batch, committedAt moment: UInt32) {
        if let bus, let announcement = mail.announcement {
            bus.post(.committed(announcement, mail, at: moment))
            mail = makeBatch(of: 0)
        } else {
            deliverHere(&mail, committedAt: moment)
        }
    }

    /// The same, as far as this node is concerned.
    func deliverHere(_ mail: inout Batch, committedAt moment: UInt32) {
        order.withLock { _ in
            for shard in inboxes.indices where mail.byShard[shard].count > 1 {
                mail.byShard[shard][0] = .committed(moment)
                inboxes[shard].post(contentsOf: &mail.byShard[shard])
            }
        }
        if hasFullInbox { behind.store(true, ordering: .relaxed) }
    }

    private var hasFullInbox: Bool { inboxes.contains { $0.count >= Self.limit } }

    /// Whether what is to be stored has to wait until no shard is far behind: its senders are not read from meanwhile.
    var isBehind: Bool { behind.load(ordering: .relaxed) }

    /// A shard has delivered what it had taken out of its inbox.
    func noteProgress() {
        if isBehind, !hasFullInbox { behind.store(false, ordering: .relaxed) }
    }

    /// How many pieces wait for each shard.
    var waiting: [Int] { inboxes.map(\.count) }

    var shardCount: Int { inboxes.count }

    func send(_ mail: Mail, to connection: ConnectionID) { inboxes[Int(connection.shard)].post(mail) }

    func send(_ mail: Mail, toShard shard: Int) { inboxes[shard].post(mail) }

    /// - Parameter count: Of changes: each is told to whoever asked for it, and mostly is an event too.
    func makeBatch(of count: Int) -> Batch {
        Batch(
            byShard: inboxes.indices.map { _ in
                var mail: [Mail] = []
                mail.reserveCapacity(2 * count + 1)
                // The moment is known at the end.
                mail.append(.committed(0))
                return mail
            })
    }

    /// Mail that is gathered until its transaction is on the disk.
    struct Batch: Sendable {
        fileprivate(set) var byShard: [[Mail]]
        /// Its place among those of all nodes.
        var announcement: Announcement?
        /// What the counter was before this, where that is known, and after it; `nil` where it has nothing to do with it.
        private(set) var counter: (before: Int64?, after: Int64)?
        /// How many connections the counter has here behind this; `nil` where nobody has come or gone.
        private(set) var counterUsers: Int?
        /// Whether it has what was counted anew.
        var isRecount = false

        /// The counter is read, or changed.
        mutating func noteCounter(from before: Int64?, to after: Int64) {
            counter = (counter.map(\.before) ?? before, after)
        }

        /// Whether nobody is told anything.
        var isEmpty: Bool { byShard.allSatisfy { $0.count < 2 } }

        /// What every shard hears.
        var events: [Event] {
            byShard[0].compactMap { if case .event(let event) = $0 { event } else { nil } }
        }

        mutating func removeEvents(where isUnwanted: (Event) -> Bool) {
            for shard in byShard.indices {
                byShard[shard].removeAll { if case .event(let event) = $0 { isUnwanted(event) } else { false } }
            }
        }

        mutating func publish(_ event: Event) {
            for shard in byShard.indices { byShard[shard].append(.event(event)) }
        }

        /// - Parameter count: Of the counter's connections here.
        mutating func publishCounterUsers(_ count: Int) {
            counterUsers = count
            publish(.counterUsers(count))
        }

        /// The counter has so many connections on other nodes.
        mutating func addCounterUsers(_ others: Int) {
            for shard in byShard.indices {
                for index in byShard[shard].indices {
                    guard case .event(.counterUsers(let here)) = byShard[shard][index] else { continue }
                    byShard[shard][index] = .event(.counterUsers(here + others))
                }
            }
        }

        mutating func tell(_ revocation: Revocation) {
            for shard in byShard.indices { byShard[shard].append(.revoked(revocation)) }
        }

        mutating func tellAll(_ mail: Mail) { for shard in byShard.indices { byShard[shard].append(mail) } }

        mutating func tellOfDeletion(_ user: UserID) {
            for shard in byShard.indices { byShard[shard].append(.deleted(user)) }
        }

        /// Leaves out what was for those who asked for something: they have had their answers.
        mutating func keepEvents() { for shard in byShard.indices { byShard[shard].removeAll(where: \.isForOne) } }

        mutating func send(_ mail: Mail, toShard shard: Int) { byShard[shard].append(mail) }

        mutating func send(_ mail: Mail, to connection: ConnectionID) {
            byShard[Int(connection.shard)].append(mail)
        }
    }
}
