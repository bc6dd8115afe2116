import Chat
import Storage

/// Who is here, and what has reached them: as the store knows it, and beyond.
final class Attendance {
    private let store: Store
    /// How much text a connection is sent at once of what it missed.
    private let backlogBytes: Int
    // Unchecked: changes are those of tables of ids.
    @safe @exclusivity(unchecked) private var presence = Presence()
    private var arrivals = Arrivals()
    /// On other nodes.
    private let elsewhere: Elsewhere?
    /// What other nodes were told of positions here, and those that may have changed since.
    private var told: [UserID: MessageID] = [:]
    private var touched: Set<UserID> = []
    /// Who has come since.
    private var arrived: [UserID] = []

    init(_ store: Store, _ elsewhere: Elsewhere?, backlogBytes: Int) {
        self.store = store
        self.elsewhere = elsewhere
        self.backlogBytes = backlogBytes
    }

    /// Whether a person has a connection with direct messages, on any node.
    func isPresent(_ user: UserID) -> Bool { presence.isPresent(user) || elsewhere?.isPresent(user) ?? false }

    /// How many connections the counter has here.
    var counterUsers: Int { presence.counterUsers }

    func take(_ seat: Seat, by connection: ConnectionID) throws(StoreError) -> Seating {
        switch seat {
        case .chat(let user, let rule): return .chat(try arrive(user.id, by: connection, rule))
        case .person(let user): return .chat(try arrive(user.id, by: connection, .unneeded))
        case .notifications(let user):
            return .notifications(
                unread: try user.map { user throws(StoreError) in
                    try store.notifications.unreadCount(of: user)
                } ?? 0)
        case .counter:
            let value = try store.counter()
            presence.joinCounter()
            return .counter(value)
        case .room:
            return .unavailable
        }
    }

    private func arrive(
        _ user: UserID, by connection: ConnectionID, _ rule: Seat.BacklogRule
    ) throws(StoreError) -> Store.Backlog {
        let isPresent = presence.isPresent(user)
        let isOwedElsewhere = elsewhere?.position(of: user) != nil
        // What another connection has not acknowledged yet may be missing too: it may have been this client's.
        var position = arrivals.position(of: user)
        if !isPresent || isOwedElsewhere {
            let delivered = try store.delivered(to: user)
            position = min(position ?? delivered, delivered)
        }
        // The store first: when it throws, nobody has arrived.
        var backlog = store.emptyBacklog
        switch rule {
        case .wanted:
            if let position { backlog = try store.backlog(of: user, after: position, bytes: backlogBytes) }
            arrivals.arrive(connection, of: user, at: backlog.start)
            touch(user)
            if isOwedElsewhere { arrived.append(user) }
        case .unneeded: if !self.isPresent(user) { try store.noteEverything(for: user) }
        case .undecided: if let position { backlog = store.owedBacklog(after: position) }
        }
        presence.arrive(user)
        return backlog
    }

    /// More of a backlog, behind what was sent, or the end of it.
    func continueBacklog(
        _ delivery: Delivery, sent: MessageID, _ rule: Seat.BacklogRule
    ) throws(StoreError) -> Store.Backlog {
        try note(delivery)
        if rule == .wanted {
            let backlog = try store.backlog(of: delivery.user, after: sent, bytes: backlogBytes)
            arrivals.arrive(delivery.connection, of: delivery.user, at: delivery.end)
            touch(delivery.user)
            return backlog
        }
        try store.noteEverything(for: delivery.user)
        return store.emptyBacklog
    }

    /// That somebody is gone is true whatever becomes of the transaction.
    func leave(_ seat: Seat, _ connection: ConnectionID, isBroken: Bool) {
        leave(seat)
        if let user = seat.chatter {
            arrivals.leave(connection, of: user.id, isBroken: isBroken, at: .now)
            touch(user.id)
        }
    }

    /// Notes what has reached a person by one connection, up to where no other one may have missed something.
    func note(_ delivery: Delivery) throws(StoreError) {
        let user = delivery.user
        confirm(delivery)
        var end = min(delivery.end, arrivals.position(of: user) ?? delivery.end)
        if let position = elsewhere?.position(of: user) { end = min(end, position) }
        try store.noteDelivery(to: user, after: delivery.start, upTo: end)
    }

    /// The same, where the store can't be told.
    func confirm(_ delivery: Delivery) {
        arrivals.confirm(delivery.connection, of: delivery.user, upTo: delivery.end)
        touch(delivery.user)
    }

    /// Notes what had reached a person's connections while another one held them back that is gone now.
    func noteReleased() throws(StoreError) {
        for (user, position) in arrivals.takeReleased() {
            guard let end = arrivals.position(of: user) else { continue }
            try store.noteDelivery(to: user, after: position, upTo: min(end, elsewhere?.position(of: user) ?? end))
        }
    }

    /// Forgets those who broke off and did not come back.
    func forget(before moment: Timestamp) {
        arrivals.forget(before: moment)
        touched.formUnion(told.keys)
    }

    // MARK: - What other nodes have to know

    func arriveElsewhere(_ user: UserID) {
        arrivals.arriveElsewhere(user)
        touch(user)
    }

    /// Others may have to know how far somebody has got.
    func touch(_ user: UserID) { if elsewhere != nil { touched.insert(user) } }

    /// Who has come and was given all that others on other nodes may have missed.
    func takeArrived() -> [UserID] {
        defer { arrived = [] }
        return arrived
    }

    /// Up to which message all has certainly reached those who may be on several nodes, where that has changed: the mark in
    /// the store must not go beyond it.
    func takePositions() -> [(position: MessageID?, user: UserID)] {
        defer { touched.removeAll(keepingCapacity: true) }
        return touched.compactMap { user in
            let position = arrivals.position(of: user)
            // Nobody else needs to know of most.
            if told[user] == nil, elsewhere?.position(of: user) == nil { return nil }
            if told[user] == position { return nil }
            told[user] = position
            return (position, user)
        }
    }

    /// Takes back who came or left with a submission whose transaction failed.
    func undo(_ submission: Submission) {
        switch submission {
        case .takeSeat(let seat, _), .returnToSeat(let seat, _, _): leave(seat)
        case .leaveSeat(let seat, _, _, _): arrive(in: seat)
        case .change, .work, .continueBacklog, .delivered, .sendBulk, .sweep, .look, .meet, .yield, .recount, .tidy,
            .keep:
            break
        }
    }

    /// Counts somebody who can't be seated: they will leave.
    func arrive(in seat: Seat) {
        if let user = seat.chatter { presence.arrive(user.id) }
        if case .counter = seat { presence.joinCounter() }
    }

    private func leave(_ seat: Seat) {
        if let user = seat.chatter { presence.leave(user.id) }
        if case .counter = seat { presence.leaveCounter() }
    }
}
