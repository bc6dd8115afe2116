import Chat
import Cluster
import EventLoop
import Storage
import Synchronization

// What other nodes tell.

extension Bus {
    func received(_ message: BusMessage, _ isOwnChannel: Bool) {
        // What was posted here before counts before.
        _ = readMail()
        let now = loop.now
        if peers[message.from] == nil {
            peers.add(message.from, at: now)
            log.info("a node has joined the cluster", ["node": message.from.text])
            // It is to learn of this one, and to tell all.
            beatAt = 0
        }
        switch peers[message.from]?.place(of: message.number, onOwnChannel: isOwnChannel) {
        case .old: return dropped(.repeated)
        // It is to tell all again.
        case .behindGap: beatAt = 0
        case .next, nil: break
        }
        peers[message.from]?.heardAt = now
        switch message.content {
        case .heartbeat(let heartbeat): take(heartbeat, from: message.from)
        case .state(let state, let isFirst, let isLast, let number):
            let before = peers[message.from]?.everybody ?? []
            peers[message.from]?.take(state, isFirst: isFirst, isLast: isLast, interests: number)
            if isFirst { noteElsewhere(before) }
            noteElsewhere(of: state)
        case .interests(let changes, let number):
            if peers[message.from]?.take(changes, interests: number) == true { noteElsewhere(of: changes) }
        case .batches(let batches, let known):
            counts.values.withLock { $0.batches += UInt64(batches.count) }
            // Who does not know of this node has left out what is for it.
            let isComplete = known[nodes.own].map { $0 >= newestInterest } ?? false
            for batch in batches {
                sequencer.add(
                    .init(
                        batch.number, before: batch.before, after: batch.after,
                        .others(batch.events, isComplete: isComplete)))
            }
            deliver()
        case .passing(let events):
            for event in events where !services.exchange.offerHere(event) { dropped(.behind) }
        case .spent(let spendings):
            let moment = Int64(System.milliseconds) * 1000
            for spending in spendings {
                services.people.spend(spending.messages, settings.messageRate, of: spending.user, at: moment)
            }
        case .returned(let clients):
            for client in clients {
                guard let holder = services.recoveries.giveUp(client) else { continue }
                services.exchange.send(.replaced(holder), to: holder)
            }
        case .arrived(let users):
            settle(users)
            services.writer.submitAnyway(.yield(users))
        case .farewell: remove(message.from, because: "it has stopped")
        case .unknown: break
        }
    }

    func take(_ heartbeat: BusMessage.Heartbeat, from node: NodeID) {
        guard var peer = peers[node] else { return }
        if peer.address != heartbeat.address {
            peer.address = heartbeat.address
            nodes.set(SocketAddress(heartbeat.address), of: node)
        }
        peer.known = heartbeat.known[nodes.own]
        if let interests = peer.interests, interests != heartbeat.interests { peer.forgetInterests() }
        if peer.known == nil, peer.stateSentAt.map({ loop.now - $0 >= Self.beat }) ?? true {
            peer.stateSentAt = loop.now
            sendState(to: node)
        }
        peers[node] = peer
        sequencer.heard(of: heartbeat.batch)
        deliver()
    }

    func remove(_ node: NodeID, because reason: String) {
        guard let peer = peers.remove(node, mayReturnUntil: loop.now + recovery) else { return }
        nodes.set(nil, of: node)
        noteElsewhere(peer.everybody)
        tellCounterUsers()
        log.info("a node has left the cluster", ["node": node.text, "reason": reason])
    }

    /// What nodes had told that are gone is settled by who has come behind it.
    func settle(_ users: [UserID]) {
        for user in users { peers.settle(user) }
        noteElsewhere(users)
    }

    /// Interests of another node have changed.
    func noteElsewhere(of changes: [BusMessage.Interest]) {
        var met: [UserID] = []
        for change in changes {
            switch change {
            case .person(let user, _, _, let owed):
                let before = elsewhere.position(of: user)
                noteElsewhere([user])
                if owed > 0, before == nil, interests.isOwed(user) { met.append(user) }
            case .position(let user, _): noteElsewhere([user])
            case .counter: tellCounterUsers()
            case .college, .everybody, .room: break
            }
        }
        if !met.isEmpty { services.writer.submitAnyway(.meet(met)) }
    }

    func noteElsewhere(_ users: some Sequence<UserID>) {
        for user in users { elsewhere.set(peers.presence(of: user), of: user) }
    }

    /// Tells how many connections the counter has, where that is new: with a later tick, if a loop is far behind.
    func tellCounterUsers() {
        let users = counterUsers.here + peers.counterUsers
        if users != counterUsers.told, services.exchange.offerHere(.counterUsers(users)) { counterUsers.told = users }
    }
}
