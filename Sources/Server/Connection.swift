import Chat
import Dialects
import EventLoop
import HTTP
import Proxying
import SocketIO
import WebSocket

/// One accepted connection: it starts with HTTP, and may go on as a WebSocket.
final class Connection: Carrier, SocketStreamDelegate {
    let stream: SocketStream
    let arrival: Arrival
    /// Whom the request that opened a WebSocket was from, where trusted proxies named them.
    private var forwardedAddress: String?
    /// Why it is one too many, where it is: it is told so with its first request.
    private(set) var surplus: Admissions.Verdict?
    /// Whether it counts, and under which address.
    private var isCounted = false
    private var block: AddressBlock?

    private var phase = Phase.gone
    /// What has become of a WebSocket's messages, and of its pings.
    private var decoder = MessageDecoder()
    private var heartbeat: Heartbeat
    private var deflation: Deflation?
    /// What was read and is not looked at yet, as too much was inflated, and the tick from which it is.
    private var rest: [UInt8] = []
    private var waitsUntil: UInt32 = .max
    /// Whether no more is to be read, as the server is about to go.
    private var isLeaving = false

    private enum Phase {
        case http(HTTPConversation)
        /// Whose connection it is is being looked up. What comes meanwhile waits.
        case authenticating(Opening, early: [UInt8])
        /// The writer is asked for the seat.
        case seating(Session, handshake: [UInt8], early: [UInt8])
        case webSocket(Session)
        /// A WebSocket that carries what a client of Socket.IO is sent.
        case engine(EngineClient)
        /// All has been said; the peer's end is awaited, as long as it goes on to read. What waited for it at the last
        /// look, and when patience ends in any case.
        case lingering(queued: Int, until: UInt32)
        case gone

        /// Whether it is a WebSocket, or about to be one, that has not been closed.
        var isWebSocket: Bool {
            switch self {
            case .authenticating, .seating, .webSocket, .engine: true
            case .http, .lingering, .gone: false
            }
        }
    }

    /// What a connection will be once its token is known.
    struct Opening {
        /// What it may speak; the kind of its token chooses where there are several.
        let mounts: [Mount]
        let room: RoomName?
        /// The answer to the handshake. It leaves when the connection hears what is sent to it, or with the reason
        /// why it is closed.
        let handshake: [UInt8]
        let compression: Compression?
        /// Whether a proxy speaks for the client.
        let isForwarded: Bool
    }

    init(_ id: ConnectionID, _ stream: SocketStream, _ arrival: Arrival, hub: Hub) {
        self.stream = stream
        self.arrival = arrival
        heartbeat = Heartbeat(hub.rhythm, at: hub.wheel.now)
        super.init(id, of: hub)
    }

    /// Counts itself among the others.
    ///
    /// - Parameter moving: Where it was let in before, on another loop.
    /// - Returns: Whether it may stay, be it only to be told that it can't.
    @discardableResult
    func enter(with moving: MovingConnection? = nil) -> Bool {
        if arrival.isLocal { return true }
        isCounted = true
        block = hub.admissions.block(of: address)
        let verdict = hub.admissions.enter(from: block, descriptor: stream.descriptorNumber)
        if moving != nil { return true }
        switch verdict {
        case .welcome: return true
        case .nodeIsFull, .addressIsFull: surplus = verdict
        case .overrun:
            hub.note(.nodeIsFull)
            closed()
            stream.close()
            return false
        }
        return true
    }

    /// Counts under the address of its client where a proxy has named another than its own.
    ///
    /// - Returns: Whether there are not too many from there.
    func enterAddress() -> Bool {
        let block = arrival.isLocal ? nil : hub.admissions.block(of: address)
        defer { self.block = block }
        return hub.admissions.move(from: self.block, to: block)
    }

    /// Starts with HTTP. The hub must know the connection by now: it may end at once.
    ///
    /// - Parameter moving: What the client asked for while the connection was on another loop.
    func start(with moving: MovingConnection? = nil) {
        let conversation = HTTPConversation(on: self, of: hub)
        phase = .http(conversation)
        setDeadline(conversation.deadline)
        stream.delegate = self
        stream.startReading()
        guard let moving else { return }
        conversation.resume(moving)
        if case .http = phase { setDeadline(conversation.deadline) }
    }

    /// Whom it is from, as far as that can be believed; nothing where it came over the local socket.
    var address: String { forwardedAddress ?? sender }
    /// Who is at the other end, or whom a PROXY header named.
    var sender: String { arrival.source?.description ?? stream.peerAddress }

    /// Remembers whom the request was from that opens a WebSocket.
    func remember(senderOf request: Request) {
        if !hub.settings.trustedProxies.isEmpty { forwardedAddress = address(of: request) }
    }

    /// Whether it is a WebSocket that frames may still be read from.
    private var isOpen: Bool {
        switch phase {
        case .webSocket, .engine: true
        case .http, .authenticating, .seating, .lingering, .gone: false
        }
    }

    /// Whether an HTTP request is being answered.
    var isAnswering: Bool { if case .http(let conversation) = phase { conversation.isAnswering } else { false } }

    override var session: Session? { seatedSession(in: phase) }
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
        case .webSocket:
            if isWaiting { append(bytes.span, to: &rest) } else { decode(&bytes) }
            updateDeadline()
        case .engine: decode(&bytes)
        case .lingering, .gone:
            break
        }
    }

    private func decode(_ bytes: inout MutableSpan<UInt8>) {
        heartbeat.heard()
        do {
            let used = try decoder.decode(&bytes) { kind, payload in
                receive(kind, payload)
                return isOpen && deflation?.isExhausted != true ? .proceed : .pause
            }
            if isOpen, deflation?.isExhausted == true { wait(with: bytes.span.extracting(used...)) }
        } catch {
            refuse(error)
        }
    }

    /// Ends the connection of a peer that broke the protocol.
    private func refuse(_ error: WebSocketError) {
        hub.note(.protocolError)
        close(error.closeCode, error.reason)
    }

    private func receive(_ kind: Incoming, _ payload: Span<UInt8>) {
        switch (kind, phase) {
        case (.text, .webSocket(let session)): if session.admits() { session.received(payload) }
        case (.binary, .webSocket(let session)): session.receivedBinary()
        case (.compressed(let isText), .webSocket(let session)): inflate(payload, isText: isText, for: session)
        case (.text, .engine(let client)): client.received(payload, isText: true)
        case (.binary, .engine(let client)): client.received(payload, isText: false)
        case (.ping, _): stream.send(FrameEncoder.pong(payload))
        case (.close(let code), _): receivedClose(code)
        case (.pong, .webSocket(let session)): session.acknowledged(payload)
        case (.pong, _), (.text, _), (.binary, _), (.compressed, _): break
        }
    }

    private var isWaiting: Bool { waitsUntil != .max }

    /// Leaves the client alone for a tick, with what is not looked at yet.
    private func wait(with rest: Span<UInt8>) {
        append(rest, to: &self.rest)
        stream.stopReading()
        waitsUntil = hub.wheel.now + 1
        updateDeadline()
    }

    /// Goes on with the client after a wait.
    private func readOn(_ session: Session) {
        guard hub.wheel.now >= waitsUntil else { return }
        deflation?.refill()
        if session.isPaused || deflation?.isExhausted == true {
            waitsUntil = hub.wheel.now + 1
            return
        }
        waitsUntil = .max
        var late: [UInt8] = []
        swap(&late, &rest)
        decodeEarly(&late)
        readOn(session.isPaused)
    }

    private func readOn(_ isPaused: Bool) {
        if isOpen, !isPaused, !isWaiting, !isLeaving { stream.startReading() }
    }

    private func append(_ bytes: Span<UInt8>, to kept: inout [UInt8]) {
        for index in bytes.indices { kept.append(bytes[index]) }
    }

    /// Keeps what a client sends before it was answered: it may start at once, but not go on and on.
    private func keep(_ bytes: Span<UInt8>, in early: inout [UInt8]) {
        append(bytes, to: &early)
        if early.count > 65_536 { stream.stopReading() }
    }

    /// Inflates a message that is looked at, and any that later ones may refer to.
    private func inflate(_ payload: Span<UInt8>, isText: Bool, for session: Session) {
        guard let deflation else { return }
        let isAdmitted = isText && session.admits()
        do throws(WebSocketError) {
            let message = isAdmitted || deflation.needsAll ? try deflation.inflate(payload) : []
            if !isText { return session.receivedBinary() }
            guard isAdmitted else { return }
            var validator = UTF8Validator()
            guard validator.firstInvalidIndex(in: message.span) == nil, validator.isComplete else {
                throw .invalidUTF8
            }
            session.received(message.span)
        } catch {
            refuse(error)
        }
    }

    func receivedEnd() {
        switch phase {
        case .http where stream.queuedBytes > 0: linger()
        case .lingering where stream.queuedBytes > 0: break
        case .http, .authenticating, .seating, .webSocket, .engine, .lingering, .gone: stream.close()
        }
    }

    override func overflowed() {
        hub.note(.receiverTooSlow)
        hub.log.warning("a receiver is too slow, its connection is closed", ["address": address])
        close(.tryAgainLater, "Too slow to read")
    }

    func drained() {
        switch phase {
        case .http(let conversation): conversation.drained()
        case .seating(let session, _, _), .webSocket(let session): session.drained()
        case .engine(let client): client.drained()
        case .authenticating, .lingering, .gone: break
        }
    }

    func closed() {
        if isCounted { hub.admissions.leave(from: block) }
        let phase = phase
        if phase.isWebSocket { hub.meter.closedByPeer(.abnormal) }
        self.phase = .gone
        if let failure = stream.tlsFailure {
            hub.log.debug("TLS failed", ["address": address, "reason": "\(failure)"])
        }
        hub.remove(self)
        ended(phase)
    }

    /// Tells whoever used the connection that it is over.
    private func ended(_ phase: Phase) {
        switch phase {
        case .http(let conversation): conversation.closed()
        case .seating(let session, _, _), .webSocket(let session): session.closed()
        case .engine(let client): client.closed(self)
        case .authenticating, .lingering, .gone: break
        }
    }

    /// The session that holds a seat, or has asked for one.
    private func seatedSession(in phase: Phase) -> Session? {
        switch phase {
        case .seating(let session, _, _), .webSocket(let session): session
        case .http, .authenticating, .engine, .lingering, .gone: nil
        }
    }

    /// Sends an answer over HTTP.
    func respond(_ response: Response, keepAlive: Bool, headOnly: Bool = false) {
        var response = response
        if stream.isEncrypted, let security = hub.transportSecurity {
            response.headers.append(("Strict-Transport-Security", security))
        }
        hub.meter.responded(response.status)
        stream.send(response.encoded(keepAlive: keepAlive, headOnly: headOnly, date: hub.date))
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
            if let known = hub.authenticate(token, from: address, for: id) { authenticated(known) }
        } else if hub.allowsAnonymous(opening.mounts[0], isForwarded: opening.isForwarded) {
            open(opening.mounts[0], as: nil, holder: nil, expiresAt: nil)
        } else {
            refuse(.tokenMissing, .unauthorized, "Authentication required")
        }
    }

    private func refuse(_ reason: RefusalReason, _ code: CloseCode, _ words: String) {
        hub.note(reason)
        close(code, words)
    }

    override func authenticated(_ authentication: Authentication) {
        guard case .authenticating(let opening, _) = phase else { return }
        switch authentication {
        case .person(let user, let credential, let expiresAt):
            open(
                opening.mounts.forToken(credential.kind), as: user, holder: authentication.holder, expiresAt: expiresAt)
        case .refused(let wait?):
            // Before the upgrade: it costs nobody a WebSocket, and tools know what it means.
            hub.note(.tooManyFailures)
            respond(.tooManyFailures(wait: wait), keepAlive: false)
            linger()
        case .refused(nil):
            hub.log.debug("a token was refused", ["address": address])
            refuse(.tokenInvalid, .unauthorized, "Invalid or expired token")
        case .unavailable: refuse(.storeUnavailable, .tryAgainLater, "The store is not available")
        }
    }

    private func open(_ mount: Mount, as user: User?, holder: Holder?, expiresAt: Timestamp?) {
        guard case .authenticating(let opening, let early) = phase else { return }
        let rivals = opening.mounts.map(\.name).filter { $0 != mount.name }
        let seat: Seat
        switch mount.endpoint.kind {
        case .chat:
            guard let user else { return refuse(.tokenMissing, .unauthorized, "Authentication required") }
            let isUndecided = rivals.contains { $0.dialect.wantsBacklog }
            seat = .chat(
                user, backlog: mount.name.dialect.wantsBacklog ? .wanted : isUndecided ? .undecided : .unneeded)
        case .person:
            guard let user else { return refuse(.tokenMissing, .unauthorized, "Authentication required") }
            seat = .person(user)
        case .notifications: seat = .notifications(user)
        case .room:
            guard let room = opening.room else { return refuse(.badRoomName, .badRoomName, "Invalid room name") }
            seat = .room(room)
        case .counter: seat = .counter
        }
        var usage: Usage?
        if let user {
            usage = hub.people.enter(user.id, limit: hub.settings.connectionsPerPerson)
            if usage == nil { return refuse(.personIsFull, .tryAgainLater, "Too many connections") }
        }
        deflation = opening.compression.map { Deflation($0, of: hub) }
        let session = Session(
            seat, mount.name, rivals: rivals, on: self, of: hub, holder: holder, usage: usage,
            expiresAt: expiresAt.map { hub.tick(at: $0) })
        phase = .seating(session, handshake: opening.handshake, early: early)
        session.takeSeat()
    }

    override func seated() {
        guard case .seating(let session, let handshake, let early) = phase else { return }
        phase = .seating(session, handshake: [], early: early)
        stream.send(handshake)
        stream.limitQueue(to: hub.settings.sendQueue)
        heartbeat = Heartbeat(hub.rhythm, at: hub.wheel.now)
        decoder = MessageDecoder(
            maximumMessageLength: hub.settings.maxMessage, allowsCompression: deflation != nil)
        setDeadline(deadline(of: session))
    }

    /// What the client sent too early is looked at now.
    override func begin() {
        guard case .seating(let session, _, var early) = phase else { return }
        phase = .webSocket(session)
        decodeEarly(&early)
        readOn(session.isPaused)
    }

    private func decodeEarly(_ early: inout [UInt8]) {
        if early.isEmpty { return }
        var span = early.mutableSpan
        decode(&span)
    }

    override func send(_ frame: [UInt8]) {
        if let deflation { stream.send(deflation.deflate(frame)) } else { stream.send(frame) }
    }
    override var sharedCompression: Int { deflation?.sharedLength ?? 0 }
    override func ping(_ frame: [UInt8]) {
        stream.send(frame)
        heartbeat.pinged(at: hub.wheel.now)
        updateDeadline()
    }
    override var queuedBytes: Int { stream.queuedBytes }
    override var isCongested: Bool { stream.isCongested }
    override func tellWhenDrained() { stream.tellWhenDrained() }

    override func pauseReading(_ isPaused: Bool) {
        guard isOpen else { return }
        if isPaused { stream.stopReading() } else { readOn(isPaused) }
    }

    /// The peer closes: its code goes back, and nothing else after it (RFC 6455, section 5.5.1).
    private func receivedClose(_ code: CloseCode) {
        if case .webSocket(let session) = phase { session.closedByPeer() }
        hub.meter.closedByPeer(code)
        leave(FrameEncoder.close(code == .noneReceived ? .normal : code))
    }

    override func close(_ code: CloseCode, _ reason: String) {
        if phase.isWebSocket { hub.meter.closedByServer(code) }
        switch phase {
        case .authenticating(let opening, _): leave(opening.handshake + FrameEncoder.close(code, reason: reason))
        case .seating(_, let handshake, _): leave(handshake + FrameEncoder.close(code, reason: reason))
        case .webSocket, .engine: leave(FrameEncoder.close(code, reason: reason))
        case .http, .lingering, .gone: break
        }
    }

    private func leave(_ lastFrame: [UInt8]) {
        // Before the last frame joins the queue: what is not in it has arrived.
        switch phase {
        case .webSocket(let session), .seating(let session, _, _): session.confirm()
        case .engine(let client): client.session?.confirm()
        case .http, .authenticating, .lingering, .gone: break
        }
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
        ended(before)
    }

    /// A WebSocket is told so, a resting HTTP connection just ends.
    override func stopServing() {
        if isAnswering { return }
        switch phase {
        case .authenticating, .seating, .webSocket: depart()
        case .http where stream.queuedBytes > 0: linger()
        case .http: abort()
        // The client tells its own.
        case .engine, .lingering, .gone: break
        }
    }

    override func abort() { stream.close() }

    override var isClient: Bool {
        switch phase {
        case .authenticating, .seating, .webSocket: true
        // Of one that carries a client of Socket.IO, that client.
        case .http, .engine, .lingering, .gone: false
        }
    }

    override func prepareToLeave() {
        isLeaving = true
        stream.stopReading()
    }

    override var isAnswered: Bool { session?.isAnswered ?? true && rest.isEmpty }
    override var hasLeft: Bool { !isClient }

    // MARK: - To Socket.IO, or to another loop

    /// Goes on as the websocket of a client.
    func upgrade(to client: EngineClient, handshake: [UInt8]) {
        phase = .engine(client)
        setDeadline(.max)
        decoder = MessageDecoder(maximumMessageLength: hub.engineSettings.maxPayload)
        stream.limitQueue(to: hub.settings.sendQueue)
        stream.send(handshake)
        stream.startReading()
    }

    /// Sends one packet of Engine.IO as a message of the websocket.
    func write(_ packet: OutgoingPacket) {
        switch packet {
        case .text(let bytes): stream.send(FrameEncoder.frame(.text, bytes.span))
        case .binary(let bytes): stream.send(FrameEncoder.frame(.binary, bytes.span))
        }
    }

    /// What the client sent right behind its handshake.
    func receivedEarly(_ early: [UInt8]) {
        var early = early
        decodeEarly(&early)
    }

    /// Leaves this loop. Nothing may wait to be written.
    func move(to shard: UInt16, with request: Request?, _ decoder: RequestDecoder) {
        guard let socket = stream.release() else { return }
        let moving = MovingConnection(socket: socket, arrival: arrival, decoder: decoder, request: request)
        hub.exchange.send(.moved(moving), toShard: Int(shard))
    }

    // MARK: - Time

    override func updateDeadline() {
        if case .webSocket(let session) = phase { setDeadline(deadline(of: session)) }
    }

    private func deadline(of session: Session) -> UInt32 {
        min(session.deadline, heartbeat.deadline(hub.rhythm), waitsUntil)
    }

    private static let ping = FrameEncoder.frame(.ping, Span())

    override func timePassed() {
        switch phase {
        case .http(let conversation):
            conversation.timePassed()
            if case .http = phase { setDeadline(conversation.deadline) }
        case .authenticating, .seating:
            refuse(.storeUnavailable, .tryAgainLater, "The store is not available")
        case .webSocket(let session):
            session.timePassed()
            if case .webSocket = phase { readOn(session) }
            if case .webSocket = phase { beat(session) }
            updateDeadline()
        case .lingering(let queued, let until):
            let unsent = stream.unsentBytes
            guard unsent < queued, hub.wheel.now < until else { return stream.close() }
            phase = .lingering(queued: unsent, until: until)
            setDeadline(hub.wheel.now + hub.ticks.linger)
        case .engine, .gone:
            break
        }
    }

    private func beat(_ session: Session) {
        let now = hub.wheel.now
        // Who is not read from can't be heard.
        if session.isPaused || isWaiting { heartbeat = Heartbeat(hub.rhythm, at: now) }
        switch heartbeat.timePassed(hub.rhythm, at: now) {
        case .ping: stream.send(Self.ping)
        case .close: abort()
        case .wait: break
        }
    }
}

/// A connection on its way to the loop whose client its request is for.
struct MovingConnection: Sendable {
    let socket: LooseSocket
    let arrival: Arrival
    /// With what came behind the request, or with as much of it as came.
    let decoder: RequestDecoder
    let request: Request?
}
