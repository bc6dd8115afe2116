import Chat
import Dialects
import EventLoop
import HTTP
import WebSocket

/// One accepted connection: it starts with HTTP, and may go on as a WebSocket.
final class Connection: SocketStreamDelegate {
    let id: ConnectionID
    let stream: SocketStream
    /// Whether it came over the local socket, which only the server's own user can reach.
    let isLocal: Bool

    private unowned let hub: Hub
    private var phase: Phase
    /// When to be looked at again, and when the wheel will do so.
    private var deadline: UInt32 = .max
    private(set) var wakesAt: UInt32 = .max

    private enum Phase {
        case http(HTTPConversation)
        /// Whose connection it is is being looked up. What comes meanwhile waits.
        case authenticating(Opening, early: [UInt8])
        /// The writer is asked for the seat.
        case seating(Session, handshake: [UInt8], early: [UInt8])
        case webSocket(Session)
        /// All has been said; the peer's end is awaited, as long as it goes on to read. What waited for it at the last
        /// look, and when patience ends in any case.
        case lingering(queued: Int, until: UInt32)
        case gone
    }

    /// What a connection will be once its token is known.
    struct Opening {
        /// What it may speak; the kind of its token chooses where there are several.
        let mounts: [Mount]
        let room: RoomName?
        /// The answer to the handshake. It leaves when the connection hears what is sent to it, or with the reason
        /// why it is closed.
        let handshake: [UInt8]
    }

    init(_ id: ConnectionID, _ stream: SocketStream, isLocal: Bool, hub: Hub) {
        self.id = id
        self.stream = stream
        self.isLocal = isLocal
        self.hub = hub
        phase = .gone
    }

    /// Starts with HTTP. The hub must know the connection by now: it may end at once.
    func start() {
        let conversation = HTTPConversation(on: self, of: hub)
        phase = .http(conversation)
        setDeadline(conversation.deadline)
        stream.delegate = self
        stream.startReading()
    }

    /// Whether it is a WebSocket that frames may still be read from.
    var isOpen: Bool { if case .webSocket = phase { true } else { false } }
    /// Whether an HTTP request is being answered.
    var isAnswering: Bool { if case .http(let conversation) = phase { conversation.isAnswering } else { false } }

    var session: Session? { seatedSession(in: phase) }
    var conversation: HTTPConversation? { if case .http(let conversation) = phase { conversation } else { nil } }

    // MARK: - From the stream

    func received(_ bytes: inout MutableSpan<UInt8>) {
        switch phase {
        case .http(let conversation):
            conversation.received(bytes.span)
            if case .http = phase { setDeadline(conversation.deadline) }
        case .authenticating(let opening, var early):
            phase = .gone
            keep(bytes.span, in: &early)
            phase = .authenticating(opening, early: early)
        case .seating(let session, let handshake, var early):
            phase = .gone
            keep(bytes.span, in: &early)
            phase = .seating(session, handshake: handshake, early: early)
        case .webSocket(let session):
            session.received(&bytes)
            if case .webSocket = phase { setDeadline(session.deadline) }
        case .lingering, .gone:
            break
        }
    }

    /// Keeps what a client sends before it was answered: it may start at once, but not go on and on.
    private func keep(_ bytes: Span<UInt8>, in early: inout [UInt8]) {
        for index in bytes.indices { early.append(bytes[index]) }
        if early.count > 65_536 { stream.stopReading() }
    }

    func receivedEnd() {
        switch phase {
        case .http where stream.queuedBytes > 0: linger()
        case .lingering where stream.queuedBytes > 0: break
        case .http, .authenticating, .seating, .webSocket, .lingering, .gone: stream.close()
        }
    }

    func overflowed() {
        hub.log.warning("a receiver is too slow, its connection is closed", ["address": stream.peerAddress])
        close(.tryAgainLater, "Too slow to read")
    }

    func drained() {
        switch phase {
        case .http(let conversation): conversation.drained()
        case .seating(let session, _, _), .webSocket(let session): session.drained()
        case .authenticating, .lingering, .gone: break
        }
    }

    func closed() {
        let phase = phase
        self.phase = .gone
        hub.remove(self)
        seatedSession(in: phase)?.closed()
    }

    /// The session that holds a seat, or has asked for one.
    private func seatedSession(in phase: Phase) -> Session? {
        switch phase {
        case .seating(let session, _, _), .webSocket(let session): session
        case .http, .authenticating, .lingering, .gone: nil
        }
    }

    // MARK: - To a WebSocket

    /// Goes on as a WebSocket.
    ///
    /// - Parameters:
    ///   - token: What the client brought; without one, it is nobody in particular.
    ///   - early: What the client sent right behind its handshake.
    func upgrade(_ opening: Opening, token: String?, early: [UInt8]) {
        phase = .authenticating(opening, early: early)
        setDeadline(hub.wheel.now + hub.ticks.head)
        if let token {
            hub.authenticate(token, for: id)
        } else if hub.allowsAnonymous(opening.mounts[0]) {
            open(opening.mounts[0], as: nil, expiresAt: nil)
        } else {
            close(.unauthorized, "Authentication required")
        }
    }

    func authenticated(_ authentication: Authentication) {
        guard case .authenticating(let opening, _) = phase else { return }
        switch authentication {
        case .person(let user, let credential, let expiresAt):
            open(opening.mounts.forToken(credential.kind), as: user, expiresAt: expiresAt)
        case .refused:
            hub.log.debug("a token was refused", ["address": stream.peerAddress])
            close(.unauthorized, "Invalid or expired token")
        case .unavailable: close(.tryAgainLater, "The store is not available")
        }
    }

    private func open(_ mount: Mount, as user: User?, expiresAt: Timestamp?) {
        guard case .authenticating(let opening, let early) = phase else { return }
        let rivals = opening.mounts.map(\.name).filter { $0 != mount.name }
        let seat: Seat
        switch mount.endpoint.kind {
        case .chat:
            guard let user else { return close(.unauthorized, "Authentication required") }
            let isUndecided = rivals.contains { $0.dialect.wantsBacklog }
            seat = .chat(
                user, backlog: mount.name.dialect.wantsBacklog ? .wanted : isUndecided ? .undecided : .unneeded)
        case .notifications: seat = .notifications(user)
        case .room:
            guard let room = opening.room else { return close(.badRoomName, "Invalid room name") }
            seat = .room(room)
        case .counter: seat = .counter
        }
        let session = Session(
            seat, mount.name, rivals: rivals, on: self, of: hub, expiresAt: expiresAt.map { hub.tick(at: $0) })
        phase = .seating(session, handshake: opening.handshake, early: early)
        session.takeSeat()
    }

    /// The session hears what is sent to it from here on: its client may know.
    func seated() {
        guard case .seating(let session, let handshake, let early) = phase else { return }
        phase = .seating(session, handshake: [], early: early)
        stream.send(handshake)
        stream.queueLimit = hub.settings.sendQueue
        setDeadline(session.deadline)
    }

    /// What the client sent too early is looked at, after all that the session says first.
    func begin() {
        guard case .seating(let session, _, var early) = phase else { return }
        phase = .webSocket(session)
        if !early.isEmpty {
            var span = early.mutableSpan
            session.received(&span)
        }
        if case .webSocket = phase { stream.startReading() }
    }

    /// Reads no more from a client that asked for much and waits for the answers, or reads on.
    func pauseReading(_ isPaused: Bool) {
        guard case .webSocket = phase else { return }
        if isPaused { stream.stopReading() } else { stream.startReading() }
    }

    /// The peer closes: its code goes back, and nothing else after it (RFC 6455, section 5.5.1).
    func receivedClose(_ code: CloseCode) {
        leave(FrameEncoder.close(code == .noneReceived ? .normal : code))
    }

    /// Ends a WebSocket with a code; what was sent before still leaves first.
    func close(_ code: CloseCode, _ reason: String) {
        switch phase {
        case .authenticating(let opening, _): leave(opening.handshake + FrameEncoder.close(code, reason: reason))
        case .seating(_, let handshake, _): leave(handshake + FrameEncoder.close(code, reason: reason))
        case .webSocket: leave(FrameEncoder.close(code, reason: reason))
        case .http, .lingering, .gone: break
        }
    }

    private func leave(_ lastFrame: [UInt8]) {
        // Before the last frame joins the queue: what is not in it has arrived.
        session?.confirm()
        stream.send(lastFrame)
        linger()
    }

    /// Writes what is queued, and waits a little for the peer to close.
    func linger() {
        let before = phase
        phase = .lingering(queued: stream.unsentBytes, until: hub.wheel.now + hub.ticks.keepalive)
        stream.finish()
        stream.startReading()
        setDeadline(hub.wheel.now + hub.ticks.linger)
        seatedSession(in: before)?.closed()
    }

    /// The server stops: a WebSocket is told so, a resting HTTP connection just ends.
    func stopServing() {
        switch phase {
        case .authenticating, .seating, .webSocket: close(.goingAway, "The server is stopping")
        case .http where stream.queuedBytes > 0: linger()
        case .http: abort()
        case .lingering, .gone: break
        }
    }

    /// Ends the connection without a word.
    func abort() { stream.close() }

    // MARK: - Time

    func setDeadline(_ tick: UInt32) {
        deadline = tick
        if tick < wakesAt { wakesAt = hub.wheel.schedule(id, at: tick) }
    }

    /// The wheel has come to ``wakesAt``.
    func wake() {
        wakesAt = .max
        if hub.wheel.now < deadline { return setDeadline(deadline) }
        switch phase {
        case .http(let conversation):
            conversation.timePassed()
            if case .http = phase { setDeadline(conversation.deadline) }
        case .authenticating, .seating:
            close(.tryAgainLater, "The store is not available")
        case .webSocket(let session):
            session.timePassed()
            if case .webSocket = phase { setDeadline(session.deadline) }
        case .lingering(let queued, let until):
            let unsent = stream.unsentBytes
            guard unsent < queued, hub.wheel.now < until else { return stream.close() }
            phase = .lingering(queued: unsent, until: until)
            setDeadline(hub.wheel.now + hub.ticks.linger)
        case .gone:
            break
        }
    }
}
