import Chat
import Cluster
import EventLoop
import SocketIO
import Storage

// What a client misses while its connection is broken.

extension SocketIOClient {
    /// Has somebody take their seat.
    ///
    /// What was kept of a client that comes back is taken over, or a new one's state kept from here on: before the seat is
    /// taken, so that every loop keeps what comes after it.
    func begin(_ session: Session, as user: User, _ former: Return?) {
        if let former, let claim = hub.recoveries.claim(former.pid, by: user.id) {
            keepState(of: user)
            stage = .seating(session, former)
            return session.takeSeat(with: claim)
        }
        let isKept = former.map { takeUp($0.pid, by: user) } ?? false
        if !isKept { keepState(of: user) }
        stage = .seating(session, isKept ? former : nil)
        session.takeSeat()
    }

    private func keepState(of user: User) {
        socketID = SessionID.random()
        pid = hub.recoveries.begin(Recoveries.Kept(of: user.id, sid: socketID), for: id)
    }

    /// Takes over what this node has kept.
    ///
    /// - Returns: Whether there was something.
    private func takeUp(_ pid: String, by user: User) -> Bool {
        guard let (kept, holder) = hub.recoveries.takeUp(pid, by: user.id, for: id) else { return false }
        (self.pid, socketID) = (pid, kept.sid)
        // It does not know yet that its connection broke.
        if let holder { hub.exchange.send(.replaced(holder), to: holder) }
        return true
    }

    /// The store knows the client that comes back.
    ///
    /// - Returns: Whether it is waited for.
    func returned(_ returned: KeptClients.Returned) -> Bool {
        guard case .seating(let session, var former?) = stage else { return false }
        former.found = returned
        stage = .seating(session, former)
        return true
    }

    /// The seat is taken: the client hears that it is connected, and then what it missed.
    func tookSeat() {
        guard case .seating(let session, let former) = stage, let user = session.seat.user else { return }
        guard let former else { return connect(session) }
        if hub.recoveries.node == nil {
            guard let missed = whatIsMissed(by: user, former) else { return connectAnew(session, as: user) }
            return connect(session, missed)
        }
        guard let found = former.found else { return connect(session) }
        comeBack(session, as: user, former, found)
    }

    /// A client of the cluster comes back. This node may have heard itself what it missed, or else it is in the store.
    private func comeBack(_ session: Session, as user: User, _ former: Return, _ found: KeptClients.Returned) {
        let node = hub.recoveries.node
        let fresh = pid
        let isKept = takeUp(former.pid, by: user)
        if !isKept {
            hub.recoveries.takeOver(found.client, for: id, at: hub.newestEvent)
            (pid, socketID) = (former.pid, found.client.sid)
        }
        if let fresh { hub.recoveries.end(fresh, of: id) }
        if let former = NodeID(found.node), former != node {
            // It may not know yet that the connection broke.
            hub.exchange.bus?.post(.returned(found.client.pid, from: former))
        }
        let offset = former.offset.flatMap { EventOffset($0) }
        if former.offset != nil, offset == nil { return connectAnew(session, as: user) }
        let isOwn = offset.map { $0.place?.node == node && $0.number > .none } ?? true
        if isKept, found.node == node?.text, isOwn, let missed = whatIsMissed(by: user, former) {
            return connect(session, missed)
        }
        // The store knows of rooms that they were put out of unheard.
        hub.recoveries.update(former.pid, of: id) { kept in
            kept.joined = kept.joined.filter { found.client.joined.contains($0.key) }
        }
        guard let comeback = comeback(as: user, found.client, offset) else { return connectAnew(session, as: user) }
        stage = .catchingUp(session)
        session.held = HeldFrames()
        for conversation in found.client.joined { session.join(conversation) }
        hub.look(for: comeback, of: id)
    }

    /// What is to be looked up in the store; `nil` where the client is not told from what on.
    private func comeback(as user: User, _ client: KeptClients.Client, _ offset: EventOffset?) -> Comeback? {
        let position = if let offset { offset.place?.position } else { client.start }
        guard let node = hub.recoveries.node, let position, position.reaches(client.start),
            hub.position.reaches(position)
        else { return nil }
        return Comeback(
            user: user, name: name, joined: Set(client.joined), start: position,
            isPartial: offset?.isPartial ?? false, end: hub.position, node: node,
            bytes: hub.settings.sendQueue / 2)
    }

    /// What the client missed was looked up.
    ///
    /// - Parameter frames: `nil` where that is too much, or can't be told.
    func caughtUp(with frames: [[UInt8]]?) {
        guard case .catchingUp(let session) = stage, let user = session.seat.user else { return }
        if let frames {
            connect(session, (frames, []))
        } else {
            for conversation in session.joined { session.leave(conversation) }
            connectAnew(session, as: user)
        }
        session.releaseHeld(isWanted: frames != nil)
    }

    /// What is missed is not known: the client is a new one.
    private func connectAnew(_ session: Session, as user: User) {
        // The new one first: the loops keep events as long as there is one.
        let old = pid
        keepState(of: user)
        if let old { hub.recoveries.end(old, of: id) }
        connect(session)
    }

    private func connect(_ session: Session, _ missed: (frames: [[UInt8]], joined: [ConversationID])? = nil) {
        if let pid, missed == nil {
            hub.recoveries.update(pid, of: id) { ($0.start, $0.position) = (hub.newestEvent, hub.position) }
        }
        stage = .connected(session)
        if hub.hearsEmitters { hub.subscribe(session, to: .socketRoom(socketID)) }
        send(packet: SocketPacketEncoder.connected(sid: socketID, pid: pid))
        guard let missed else { return }
        for frame in missed.frames {
            hub.meter.sent(name)
            send(frame)
        }
        for conversation in missed.joined { session.join(conversation) }
    }

    /// What a client that comes back has to be told, as this node has heard it; `nil` where that is not known any more, or
    /// is too much.
    private func whatIsMissed(
        by user: User, _ former: Return
    ) -> (frames: [[UInt8]], joined: [ConversationID])? {
        guard let kept = hub.recoveries.kept(former.pid, of: id) else { return nil }
        guard let offset = former.offset.map({ EventOffset($0) }) ?? EventOffset(kept.start),
            offset.number >= kept.start,
            let events = hub.events(after: offset)
        else { return nil }
        // Who was removed is no member, whatever they say was the last that they heard.
        let joined = kept.joined.filter {
            $0.value.until == nil && !hub.isRemoved(user.id, from: $0.key, since: $0.value.since)
        }
        var rooms = Set(kept.joined.filter { $0.value.until.map { $0 > offset.number } ?? true }.keys)
        var frames: [[UInt8]] = []
        var bytes = 0
        for (event, place) in events {
            var words = Frames(event, place)
            for role in event.roles(of: user, joined: rooms) {
                if role == .joined, offset.isPartial, place.number == offset.number { continue }
                guard let frame = words.frame(for: name, as: role) else { continue }
                bytes += frame.count
                frames.append(frame)
            }
            if case .removed(user.id, let conversation) = event { rooms.remove(conversation) }
            if bytes > hub.settings.sendQueue / 2 { return nil }
        }
        return (frames, Array(joined.keys))
    }
}
