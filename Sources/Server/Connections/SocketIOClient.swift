import Chat
import Dialects
import JSON
import SocketIO
import Storage
import WebSocket

/// One client of Socket.IO: it connects to the one namespace there is, and then has a seat, sends events, and leaves.
/// What it misses when its connection breaks is kept for a while.
final class SocketIOClient: EngineClient {
    let name: DialectName
    /// The token that came with the request that opened the session.
    private let token: String?
    /// Where that came from.
    private let address: String
    // Unchecked: the decoder knows no client, and calls nothing back.
    @safe @exclusivity(unchecked) private var packets: SocketPacketDecoder
    var stage: Stage { didSet { updateDeadline() } }
    /// Under what its state is kept, should it come back.
    var pid: String?
    /// The id of its socket.
    var socketID = ""
    /// The tick at which a client is closed that is in no namespace then; trying again gains no time.
    private var patience: UInt32
    /// Whether it is among those that have not signed in.
    private var isUnconnected = true {
        didSet { hub.unconnectedClients += (isUnconnected ? 1 : 0) - (oldValue ? 1 : 0) }
    }

    /// One word: it is looked at with each message.
    enum Stage {
        /// In no namespace.
        case unconnected
        /// Its token is looked up.
        indirect case authenticating(Return?)
        /// It asked for its seat.
        indirect case seating(Session, Return?)
        /// It has its seat; what it missed is looked up.
        case catchingUp(Session)
        case connected(Session)
        case gone
    }

    /// What a client that was here before, or on another node, says of that.
    struct Return {
        let pid: String
        let offset: String?
        /// What the cluster knows of it.
        var found: KeptClients.Returned?
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
        case .seating(let session, _), .catchingUp(let session), .connected(let session): session
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

    func send(packet: [UInt8]) { send(FrameEncoder.frame(.text, packet.span)) }

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
            begin(session, as: user, former)
        case .refused(let wait):
            hub.log.debug("a token was refused", ["address": address])
            if wait == nil { return refuse(.tokenInvalid) }
            refuse(.tooManyFailures, API.Problem.tooManyFailures)
            close(.policyViolation, API.Problem.tooManyFailures)
        case .unavailable: refuse(.storeUnavailable, "The store is not available")
        }
    }

    // MARK: - What is kept of it, in SocketIOClient+Recovery.swift

    override func seated() { tookSeat() }

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
        case .seating(let session, _), .catchingUp(let session), .connected(let session): session.deadline
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
