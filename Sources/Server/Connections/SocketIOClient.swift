import Chat
import Dialects
import JSON
import SocketIO
import WebSocket

/// One client of Socket.IO: it connects to the one namespace there is, and then has a seat, sends events, and leaves.
/// What it misses when its connection breaks is kept for a while.
final class SocketIOClient: EngineClient {
    private let name: DialectName
    /// The token that came with the request that opened the session.
    private let token: String?
    /// Where that came from.
    private let address: String
    private var packets: SocketPacketDecoder
    private var stage: Stage
    /// Under what its state is kept, should it come back.
    private var pid: String?
    /// The id of its socket.
    private var socketID = ""
    /// The tick at which a client is closed that is in no namespace then; trying again gains no time.
    private var patience: UInt32
    /// Whether it is among those that have not signed in.
    private var isUnconnected = true {
        didSet { hub.unconnectedClients += (isUnconnected ? 1 : 0) - (oldValue ? 1 : 0) }
    }

    private enum Stage {
        /// In no namespace.
        case unconnected
        /// Its token is looked up.
        case authenticating(Return?)
        /// It asked for its seat.
        case seating(Session, Return?)
        case connected(Session)
        case gone
    }

    /// What a client that was here before says of that.
    private struct Return {
        let pid: String
        let offset: String?
    }

    /// - Parameter token: What came with the request that opens the session.
    init(
        _ id: ConnectionID, _ name: DialectName, on transport: EngineTransport, base64: Bool, token: String?,
        from address: String, of hub: Hub
    ) {
        self.name = name
        self.token = token
        self.address = address
        packets = SocketPacketDecoder(maximumLength: hub.engineSettings.maxPayload)
        stage = .unconnected
        patience = hub.wheel.now + hub.ticks.connect
        super.init(id, on: transport, base64: base64, of: hub)
        hub.unconnectedClients += 1
    }

    override var session: Session? {
        switch stage {
        case .seating(let session, _), .connected(let session): session
        case .unconnected, .authenticating, .gone: nil
        }
    }

    // MARK: - Packets

    /// Takes a message of Engine.IO. Malformed packets, and those that are out of place, end the session.
    override func received(message: Span<UInt8>, isText: Bool) {
        do throws(SocketPacketError) {
            let packet =
                isText
                ? try packets.decode(text: message, with: hub.parser)
                : try packets.decode(binary: message, with: hub.parser)
            if let packet { received(packet) }
        } catch {
            closeForMistake()
        }
    }

    private func received(_ packet: SocketPacket) {
        switch (packet.kind, stage) {
        case (.connect, _) where packet.namespace != "/":
            send(packet: SocketPacketEncoder.refused("Invalid namespace", to: packet.namespace))
        case (.connect, .unconnected): connect(packet.data)
        case (.event, .connected(let session)) where packet.namespace == "/":
            if let event = packet.data { session.received(event: event, acknowledgement: packet.id) }
        case (.disconnect, .connected) where packet.namespace == "/":
            leave(mayReturn: false)
        // The server asks for none, so that one is late at most.
        case (.acknowledgement, .connected) where packet.namespace == "/": break
        case (.connect, _), (.event, _), (.disconnect, _), (.acknowledgement, _), (.connectError, _):
            closeForMistake()
        }
    }

    private func closeForMistake() {
        hub.note(.protocolError)
        close(.policyViolation, "Not a packet of Socket.IO")
    }

    private func send(packet: [UInt8]) { send(FrameEncoder.frame(.text, packet.span)) }

    // MARK: - Connecting

    private func connect(_ auth: JSONValue?) {
        let token = GivenToken.withOrWithoutScheme(auth?["token"]?.string) ?? token
        guard let token else { return refuse(.tokenMissing) }
        stage = .authenticating(
            auth?["pid"]?.string.map { Return(pid: $0, offset: auth?["offset"]?.string) })
        if let known = hub.authenticate(token, from: address, for: id) { authenticated(known) }
    }

    private func refuse(_ reason: RefusalReason, _ words: String = "Authentication error") {
        hub.note(reason)
        stage = .unconnected
        send(packet: SocketPacketEncoder.refused(words))
    }

    override func authenticated(_ authentication: Authentication) {
        guard case .authenticating(let former) = stage else { return }
        switch authentication {
        case .person where !isOpen: stage = .unconnected
        case .person(let user, _, let expiresAt):
            guard let usage = hub.people.enter(user.id, limit: hub.settings.connectionsPerPerson) else {
                return refuse(.personIsFull, "Too many connections")
            }
            isUnconnected = false
            let session = Session(
                .person(user), name, on: self, of: hub, holder: authentication.holder, usage: usage,
                expiresAt: expiresAt.map { hub.tick(at: $0) })
            stage = .seating(session, takeUp(former, by: user))
            session.takeSeat()
        case .refused(let wait):
            hub.log.debug("a token was refused", ["address": address])
            if wait == nil { return refuse(.tokenInvalid) }
            refuse(.tooManyFailures, API.Problem.tooManyFailures)
            close(.policyViolation, API.Problem.tooManyFailures)
        case .unavailable: refuse(.storeUnavailable, "The store is not available")
        }
    }

    /// Takes over what was kept of a client that comes back, or has a new one's state kept from here on: before the seat
    /// is taken, so that every loop keeps what comes after it.
    private func takeUp(_ former: Return?, by user: User) -> Return? {
        if let former, let (kept, holder) = hub.recoveries.takeUp(former.pid, by: user.id, for: id) {
            (pid, socketID) = (former.pid, kept.sid)
            // It does not know yet that its connection broke.
            if let holder { hub.exchange.send(.replaced(holder), to: holder) }
            return former
        }
        keepState(of: user)
        return nil
    }

    private func keepState(of user: User) {
        socketID = SessionID.random()
        pid = hub.recoveries.begin(Recoveries.Kept(of: user.id, sid: socketID), for: id)
    }

    /// The seat is taken: the client hears that it is connected, and then what it missed.
    override func seated() {
        guard case .seating(let session, let former) = stage, let user = session.seat.user else { return }
        let missed = former.flatMap { whatIsMissed(by: user, $0) }
        if former != nil, missed == nil {
            // The new one first: the loops keep events as long as there is one.
            let old = pid
            keepState(of: user)
            if let old { hub.recoveries.end(old, of: id) }
        }
        if let pid, missed == nil {
            hub.recoveries.update(pid, of: id) { $0.start = hub.newestEvent }
        }
        stage = .connected(session)
        updateDeadline()
        if hub.hearsEmitters { hub.subscribe(session, to: .socketRoom(socketID)) }
        send(packet: SocketPacketEncoder.connected(sid: socketID, pid: pid))
        guard let missed else { return }
        for frame in missed.frames {
            hub.meter.sent(name)
            send(frame)
        }
        for conversation in missed.joined { session.join(conversation) }
    }

    /// What a client that comes back has to be told; `nil` where that is not known any more, or is too much.
    private func whatIsMissed(
        by user: User, _ former: Return
    ) -> (frames: [[UInt8]], joined: [ConversationID])? {
        guard let kept = hub.recoveries.kept(former.pid, of: id) else { return nil }
        let start = EventOffset(after: kept.start)
        guard let offset = former.offset.map({ EventOffset($0) }) ?? start, offset.number >= kept.start,
            let events = hub.events(after: offset)
        else { return nil }
        // Who was removed is no member, whatever they say was the last that they heard.
        let joined = kept.joined.filter {
            $0.value.until == nil && !hub.isRemoved(user.id, from: $0.key, since: $0.value.since)
        }
        var rooms = Set(kept.joined.filter { $0.value.until.map { $0 > offset.number } ?? true }.keys)
        var frames: [[UInt8]] = []
        var bytes = 0
        for (event, number) in events {
            var words = Frames(event, number)
            for role in event.roles(of: user, joined: rooms) {
                if role == .joined, offset.isPartial, number == offset.number { continue }
                guard let frame = words.frame(for: name, as: role) else { continue }
                bytes += frame.count
                frames.append(frame)
            }
            if case .removed(user.id, let conversation) = event { rooms.remove(conversation) }
            if bytes > hub.settings.sendQueue / 2 { return nil }
        }
        return (frames, Array(joined.keys))
    }

    // MARK: - What is kept of it

    override func hasJoined(_ conversation: ConversationID) {
        if let pid {
            hub.recoveries.update(pid, of: id) { $0.joined[conversation] = Recoveries.Stay(since: hub.newestEvent) }
        }
    }

    override func hasLeft(_ conversation: ConversationID) {
        if let pid { hub.recoveries.update(pid, of: id) { $0.joined[conversation] = nil } }
    }

    // MARK: - The end

    /// What was sent before still reaches the client, but nothing more is, so that its seat is given up at once.
    override func close(_ code: CloseCode, _ reason: String) {
        // Whose token has expired must not come back by itself, as a client would whose connection broke.
        let isExpired = code == .unauthorized
        leave(mayReturn: !isExpired)
        if isExpired { send(packet: SocketPacketEncoder.disconnected()) }
        super.close(code, reason)
    }

    /// A back end wants the client to leave.
    func disconnect() {
        leave(mayReturn: false)
        send(packet: SocketPacketEncoder.disconnected())
    }

    override func ended() {
        leave(mayReturn: true)
        isUnconnected = false
        stage = .gone
    }

    /// Gives up the seat.
    ///
    /// - Parameter mayReturn: Whether what the client misses from here on is kept for a while.
    private func leave(mayReturn: Bool) {
        if let pid = pid.take() {
            if mayReturn { hub.recoveries.lose(pid, of: id) } else { hub.recoveries.end(pid, of: id) }
        }
        guard let session else { return }
        stage = .unconnected
        isUnconnected = true
        patience = hub.wheel.now + hub.ticks.connect
        session.closed()
        hub.renew(self)
        // Nothing waits for its turn any more.
        pauseReading(false)
        updateDeadline()
    }

    // MARK: - Time

    override var nextDeadline: UInt32 {
        switch stage {
        case .unconnected, .authenticating: patience
        case .seating(let session, _), .connected(let session): session.deadline
        case .gone: .max
        }
    }

    override func timePassed() {
        if case .unconnected = stage, hub.wheel.now >= patience {
            close(.normal, "No connection to a namespace")
        } else {
            session?.timePassed()
        }
        super.timePassed()
    }
}
