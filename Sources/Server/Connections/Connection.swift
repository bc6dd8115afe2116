import Chat
import Dialects
import EventLoop
import HTTP
import Proxying
import SocketIO
import TLS
import WebSocket

/// One accepted connection: it starts with HTTP, and may go on as a WebSocket.
final class Connection: Carrier, SocketStreamDelegate {
    let stream: SocketStream
    var deflation: Deflation?
    let arrival: Arrival
    /// Whom the request that opened a WebSocket was from, where trusted proxies named them.
    private var forwardedAddress: String?
    /// Why it is one too many, where it is: it is told so with its first request.
    private(set) var surplus: Admissions.Verdict?
    /// Whether it counts, and under which address.
    private var isCounted = false
    private var block: AddressBlock?

    var phase = Phase.gone
    /// What has become of a WebSocket's messages, and of its pings.
    var decoder = MessageDecoder()
    var heartbeat: Heartbeat
    /// What was read and is not looked at yet, as too much was inflated, and the tick from which it is.
    var rest: [UInt8] = []
    var waitsUntil: UInt32 = .max
    /// What was not written when the answer to a ping last failed to come; `max` before that.
    private var unwritten = UInt32.max
    /// Whether no more is to be read, as the server is about to go.
    var isLeaving = false

    enum Phase {
        case http(HTTPConversation)
        /// Whose connection it is is being looked up. What comes meanwhile waits. Large and short, therefore apart.
        indirect case authenticating(Opening, early: [UInt8])
        /// The writer is asked for the seat.
        indirect case seating(Session, handshake: [UInt8], early: [UInt8])
        case webSocket(Session)
        /// A WebSocket that carries what a client of Socket.IO is sent.
        case engine(EngineClient)
        /// A WebSocket of a client that another node has; all of it is passed on.
        case spliced(NodeConnection)
        /// All has been said; the peer's end is awaited, as long as it goes on to read. What waited for it at the last
        /// look, and when patience ends in any case.
        case lingering(queued: Int, until: UInt32)
        case gone

        /// Whether it is a WebSocket, or about to be one, that has not been closed.
        var isWebSocket: Bool {
            switch self {
            case .authenticating, .seating, .webSocket, .engine: true
            // The other node sees to that one.
            case .http, .spliced, .lingering, .gone: false
            }
        }
    }

    init(_ id: ConnectionID, _ stream: SocketStream, _ arrival: Arrival, hub: Hub) {
        self.stream = stream
        self.arrival = arrival
        heartbeat = Heartbeat(hub.rhythm, at: hub.wheel.now)
        super.init(id, of: hub)
    }

    /// Counts under the address of its client where a proxy has named another than its own.
    ///
    /// - Returns: Whether there are not too many from there.
    func enterAddress() -> Bool {
        let block = arrival.isLocal ? nil : hub.admissions.block(of: address)
        defer { self.block = block }
        return hub.admissions.move(from: self.block, to: block)
    }

    /// Counts itself among the others and starts with HTTP. The hub must know the connection by now: it may end at once.
    ///
    /// - Parameters:
    ///   - peer: Who is at the other end, where that is known.
    ///   - moving: What the client asked for while the connection was on another loop, where it was let in.
    /// - Returns: Whether it may stay, be it only to be told that it can't.
    @discardableResult
    func start(from peer: String? = nil, with moving: MovingConnection? = nil) -> Bool {
        let sender = arrival.source?.description ?? peer ?? stream.peerAddress
        if !arrival.isLocal, !enter(from: sender, wasLetIn: moving != nil) { return false }
        let conversation = HTTPConversation(on: self, from: sender, of: hub)
        phase = .http(conversation)
        setDeadline(conversation.deadline)
        stream.delegate = self
        stream.startReading()
        guard let moving else { return true }
        conversation.resume(moving)
        if case .http = phase { setDeadline(conversation.deadline) }
        return true
    }

    private func enter(from sender: String, wasLetIn: Bool) -> Bool {
        isCounted = true
        block = arrival.isFromNode ? nil : hub.admissions.block(of: sender)
        let verdict = hub.admissions.enter(from: block, descriptor: stream.descriptorNumber)
        if wasLetIn { return true }
        switch verdict {
        case .welcome: return true
        // Its client has been let in long ago.
        case .nodeIsFull where arrival.isFromNode: break
        case .nodeIsFull, .addressIsFull: surplus = verdict
        case .overrun:
            hub.note(.nodeIsFull)
            closed()
            stream.close()
            return false
        }
        return true
    }

    /// Whom it is from, as far as that can be believed; nothing where it came over the local socket.
    var address: String { forwardedAddress ?? sender }
    /// Who is at the other end, or whom a PROXY header named. The system is asked once for a request or a handshake.
    var sender: String { conversation?.sender ?? arrival.source?.description ?? stream.peerAddress }

    /// Remembers whom the request was from that opens a WebSocket.
    func remember(senderOf request: Request) {
        if !hub.settings.trustedProxies.isEmpty { forwardedAddress = address(of: request) }
    }

    /// Remembers whom another node named.
    func remember(sender: String) { forwardedAddress = sender }

    /// Whether it is a WebSocket that frames may still be read from.
    var isOpen: Bool {
        switch phase {
        case .webSocket, .engine: true
        case .http, .authenticating, .seating, .spliced, .lingering, .gone: false
        }
    }

    /// Whether an HTTP request is being answered.
    var isAnswering: Bool { if case .http(let conversation) = phase { conversation.isAnswering } else { false } }

    override var session: Session? { seatedSession(in: phase) }
    var conversation: HTTPConversation? { if case .http(let conversation) = phase { conversation } else { nil } }

    // MARK: - From the stream

    func receivedEnd() {
        switch phase {
        case .http where stream.queuedBytes > 0: linger()
        case .lingering where stream.queuedBytes > 0: break
        case .engine(let client) where arrival.isFromNode: client.isLeft(by: self)
        case .http, .authenticating, .seating, .webSocket, .engine, .spliced, .lingering, .gone: stream.close()
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
        case .spliced(let node): node.clientDrained()
        case .authenticating, .lingering, .gone: break
        }
    }

    func closed() {
        if isCounted { hub.admissions.leave(from: block) }
        let phase = phase
        if phase.isWebSocket { hub.meter.closedByPeer(.abnormal) }
        self.phase = .gone
        if let failure = stream.tlsFailure {
            hub.note(failure == .plainHTTP ? .notTLS : .tlsFailed)
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
        case .spliced(let node): node.clientEnded()
        case .authenticating, .lingering, .gone: break
        }
    }

    /// The session that holds a seat, or has asked for one.
    private func seatedSession(in phase: Phase) -> Session? {
        switch phase {
        case .seating(let session, _, _), .webSocket(let session): session
        case .http, .authenticating, .engine, .spliced, .lingering, .gone: nil
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

    override func send(_ frame: consuming [UInt8]) {
        if let deflation { stream.send(deflation.deflate(frame)) } else { stream.send(frame) }
    }
    override var sharedCompression: Int { deflation?.sharedLength ?? 0 }
    override func ping(_ frame: [UInt8]) {
        stream.send(frame)
        heartbeat.pinged(at: hub.wheel.now)
        unwritten = .max
        updateDeadline()
    }
    override var queuedBytes: Int { stream.queuedBytes }
    override var isCongested: Bool { stream.isCongested }
    override func tellWhenDrained() { stream.tellWhenDrained() }

    override func pauseReading(_ isPaused: Bool) {
        guard isOpen else { return }
        if isPaused { stream.stopReading() } else { readOn(isPaused) }
    }

    override func close(_ code: CloseCode, _ reason: String) {
        if phase.isWebSocket { hub.meter.closedByServer(code) }
        switch phase {
        case .authenticating(let opening, _): leave(opening.handshake + FrameEncoder.close(code, reason: reason))
        case .seating(_, let handshake, _): leave(handshake + FrameEncoder.close(code, reason: reason))
        case .webSocket, .engine: leave(FrameEncoder.close(code, reason: reason))
        // In its own time: the frames are the other node's.
        case .spliced(let node): node.leave()
        case .http, .lingering, .gone: break
        }
    }

    func leave(_ lastFrame: [UInt8]) {
        // Before the last frame joins the queue: what is not in it has arrived.
        switch phase {
        case .webSocket(let session), .seating(let session, _, _): session.confirm()
        case .engine(let client): client.session?.confirm()
        case .http, .authenticating, .spliced, .lingering, .gone: break
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
        if isAnswering {
            conversation?.forwarded?.release()
            return
        }
        switch phase {
        case .authenticating, .seating, .webSocket, .spliced: depart()
        case .http where stream.queuedBytes > 0: linger()
        case .http: abort()
        // The client tells its own.
        case .engine, .lingering, .gone: break
        }
    }

    override func abort() { stream.close() }

    override var isClient: Bool {
        switch phase {
        case .authenticating, .seating, .webSocket, .spliced: true
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

    /// Sends one packet of Engine.IO as a message of the websocket.
    func write(_ packet: OutgoingPacket) {
        switch packet {
        case .text(let bytes): stream.send(FrameEncoder.frame(.text, bytes.span))
        case .binary(let bytes): stream.send(FrameEncoder.frame(.binary, bytes.span))
        }
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
        case .engine, .spliced, .gone:
            break
        }
    }

    private func beat(_ session: Session) {
        let now = hub.wheel.now
        // Who is not read from can't be heard.
        if session.isPaused || isWaiting { heartbeat = Heartbeat(hub.rhythm, at: now) }
        switch heartbeat.timePassed(hub.rhythm, at: now) {
        case .ping: ping(Self.ping)
        case .close: if isReading { heartbeat.extend(at: now) } else { abort() }
        case .wait: break
        }
    }

    /// Whether the client reads what was sent before a ping; the first time, whether there may be something left to read.
    private var isReading: Bool {
        let (before, now) = (unwritten, UInt32(clamping: stream.unsentBytes))
        unwritten = now
        return now < before && (now > 0 || before < .max)
    }
}
