import Chat
import Cluster
import Dialects
import EventLoop
import HTTP
import JSON
import Proxying
import SocketIO
import Storage
import TLS
import WebSocket

/// All that one event loop owns: its connections, what they listen to, and when they want to be looked at.
final class Hub {
    let loop: EventLoop
    let shard: Shard
    private(set) var chat: Chat
    private(set) var settings: Configuration
    let exchange: Exchange
    let writer: Writer
    /// For what may take long.
    let archive: Readers
    private(set) var api: API
    let router: Router<Route>
    let log: Log
    private var origins: Origins {
        didSet { (allowedHost, allowedOrigin) = (nil, nil) }
    }
    /// What was allowed last: most requests ask for the same.
    private var allowedHost: String?
    private var allowedOrigin: Origins.Question?
    private let certificates: Certificates?
    /// What browsers are told about coming by TLS only.
    private(set) var transportSecurity: String?
    let recoveries: Recoveries
    private(set) var httpLimits: HTTPLimits
    let admissions: Admissions
    let people: People
    let nodes: Nodes?
    let engineSettings: EngineSettings
    private(set) var ticks: Ticks
    let rhythm: Heartbeat.Rhythm
    let parser: JSONParser
    let compressionPreferences: Compression.Preferences
    /// For all connections that keep no context.
    private lazy var deflater = Deflater(level: settings.deflateLevel, windowBits: 15, keepsContext: false)
    private(set) lazy var inflater = Inflater(keepsContext: false)

    let wheel = DeadlineWheel()
    /// For the metrics.
    let meter = LoopMeter(tickLength: 1_000_000 / UInt64(DeadlineWheel.resolution))
    private(set) var isStopping = false
    private var departures: Departures?
    let index: UInt16
    let shardCount: Int
    let inbox: Mailbox<Mail>
    /// Taken out of the inbox, and how much of it was delivered.
    var mail: [Mail] = []
    var delivered = 0
    // Unchecked: nothing that a place holds has code that is run when it goes.
    @safe @exclusivity(unchecked) private var places: Places
    let topics: Topics
    /// Whether back ends may speak to clients of Socket.IO by their ids.
    let hearsEmitters: Bool
    /// To other nodes, where there may be some.
    private(set) var forwarding: Forwarding?
    let knownTokens = KnownTokens()
    var revocations = RecentRevocations()
    /// Whose deliveries are to be reported with the next second, and whose clients are to acknowledge with the next tick.
    var noted: [ConnectionID] = [], unacknowledged: [ConnectionID] = []
    var newestPing = (message: MessageID(0), frame: FrameEncoder.frame(.ping, MessageID(0).cursor.span))
    /// The newest message that this loop has heard of; 0 before the first.
    var newestMessage = MessageID(0)
    /// Likewise of notifications.
    var newestNotification = NotificationID(0)
    /// Sessions with a history that holds newer ones.
    var awaitingMessages: [ConnectionID] = []
    /// Sessions with a change that the store's queue had no room for, in the order in which they came.
    var awaitingStore: [ConnectionID] = []
    /// What waits for clients of Socket.IO that poll.
    var bytesForPolls = 0
    /// The clients of Socket.IO, by the id of their session.
    var clients: [String: EngineClient] = [:]
    /// How many of them have not signed in.
    var unconnectedClients = 0
    /// Clients with something for their poll at the end of the turn.
    var unflushed: [EngineClient] = []
    /// The event that this loop heard of last.
    var newestEvent = EventNumber(rawValue: 0)
    // Unchecked: events are plain values, which have no code that is run when they go.
    @safe @exclusivity(unchecked) var eventLog = EventLog()
    var isSendingBulk = false
    var isSweeping = false
    private var exhaustion = Seldom(), missingProxyHeader = Seldom()
    private var timer: RepeatingTimer?
    private var listeners: [Listener] = []

    /// The configuration's times, in ticks of the wheel.
    struct Ticks {
        let head, body, keepalive, connect: UInt32
        /// How far back a client may come.
        let recovery: UInt32
        /// How long something may wait for room in the store's queue.
        let storePatience: UInt32
        /// How long a peer has to close after all was said.
        let linger = 3 * DeadlineWheel.resolution

        init(_ settings: Configuration) {
            head = DeadlineWheel.ticks(settings.headTimeout)
            body = DeadlineWheel.ticks(settings.bodyTimeout)
            keepalive = DeadlineWheel.ticks(settings.keepaliveTimeout)
            connect = DeadlineWheel.ticks(settings.connectTimeout)
            recovery = DeadlineWheel.ticks(settings.recovery)
            storePatience = DeadlineWheel.ticks(settings.storePatience)
        }
    }

    /// On the loop's thread.
    init(_ shard: Shard, index: UInt16, inbox: Mailbox<Mail>, _ services: Services) {
        self.shard = shard
        self.index = index
        places = Places(of: index)
        self.inbox = inbox
        loop = shard.loop
        settings = services.settings
        exchange = services.exchange
        writer = services.writer
        archive = services.archive
        api = services.api
        router = services.router
        log = services.log
        origins = services.origins
        certificates = services.certificates
        transportSecurity = settings.transportSecurity
        chat = services.chat
        recoveries = services.recoveries
        admissions = services.admissions
        people = services.people
        nodes = services.membership?.nodes
        shardCount = services.exchange.shardCount
        httpLimits = HTTPLimits(settings)
        engineSettings = EngineSettings(settings)
        ticks = Ticks(settings)
        rhythm = Heartbeat.Rhythm(
            interval: DeadlineWheel.ticks(settings.pingInterval), patience: DeadlineWheel.ticks(settings.pingTimeout))
        parser = JSONParser(maximumLength: max(settings.maxMessage, engineSettings.maxPayload))
        compressionPreferences = Compression.Preferences(settings)
        let (exchange, shard) = (services.exchange, Int(index))
        let channels = services.bridges.flatMap { $0.hasChannels ? $0.inbox : nil }
        hearsEmitters = services.bridges?.hasEmitters ?? false
        topics = Topics { topic, hasMembers in
            if case .room(let room) = topic { exchange.listen(hasMembers, to: room, shard: shard) }
            if let channels, let group = ChannelGroup(topic) { channels.post(.listening(group, hasMembers)) }
        }
        forwarding = services.membership.map { Forwarding($0.nodes, services.bus?.counts, key: $0.key, of: self) }
        timer = RepeatingTimer(every: 1000 / UInt64(DeadlineWheel.resolution), on: loop) { [unowned self] in tick() }
        loop.onEndOfTurn { [unowned self] in
            meter.written()
            let hasRead = readMail()
            return flushClients() || hasRead
        }
    }

    /// Goes on with other settings, as far as ``Setting/isLive`` says.
    func adopt(_ services: Services) {
        settings = services.settings
        api = services.api
        chat = services.chat
        origins = services.origins
        transportSecurity = settings.transportSecurity
        httpLimits = HTTPLimits(settings)
        ticks = Ticks(settings)
    }

    /// Counts a refusal.
    func note(_ reason: RefusalReason) { meter.refused(reason) }

    // MARK: - Connections

    /// - Parameter arrival: How connections come there.
    func listen(on socket: BoundSocket, _ arrival: Arrival) throws(IOError) {
        listeners.append(
            try Listener(socket, on: loop, onExhaustion: { [unowned self] in cannotAccept($0) }) {
                [unowned self] stream, peer in accept(stream, from: peer, arrival)
            })
    }

    /// It is tried again ten times a second.
    private func cannotAccept(_ error: IOError) {
        note(.outOfDescriptors)
        if !exhaustion.isDue(at: loop.now) { return }
        log.warning("new connections have to wait", ["reason": error.description])
    }

    /// It may be a check of health, every second.
    func hasNoProxyHeader(_ address: String) {
        note(.badProxyHeader)
        if !missingProxyHeader.isDue(at: loop.now) { return }
        log.warning("a trusted proxy sent no PROXY header", ["address": address])
    }

    private func accept(_ stream: SocketStream, from peer: String, _ arrival: Arrival) {
        if isStopping { return stream.close() }
        if arrival.isPublic, settings.proxyProtocol, let proxy = IPAddress(peer),
            settings.trustedProxies.contains(proxy)
        {
            return place { Entrance($0, stream, of: self) }.start()
        }
        admit(stream, from: peer, arrival)
    }

    /// Begins a connection.
    ///
    /// - Parameters:
    ///   - peer: Its ``EventLoop/SocketStream/peerAddress``, where that is known.
    ///   - early: What came already.
    func admit(_ stream: SocketStream, from peer: String? = nil, _ arrival: Arrival, early: consuming [UInt8] = []) {
        let connection = place { Connection($0, stream, arrival, hub: self) }
        if !connection.start(from: peer) { return }
        if arrival.isPublic, let context = certificates?.context {
            stream.startTLS(context, early: early.span, refusal: plainRefusal)
        } else if !early.isEmpty {
            var bytes = early.mutableSpan
            connection.received(&bytes)
        }
    }

    private lazy var plainRefusal =
        Response.error(.badRequest, "This port speaks TLS: https:// and wss://").encoded(keepAlive: false)

    /// Takes in a connection from another loop.
    func accept(_ moving: MovingConnection) {
        guard !isStopping, let stream = SocketStream(moving.socket, on: loop) else { return }
        let connection = place { Connection($0, stream, moving.arrival, hub: self) }
        connection.start(with: moving)
    }

    /// Whether a dialect's path is open to people without a token.
    ///
    /// - Parameter isForwarded: Whether a proxy speaks for them: then they may be from anywhere.
    func allowsAnonymous(_ mount: Mount, isForwarded: Bool) -> Bool {
        if mount.endpoint.token == .required { return false }
        if mount.endpoint.kind == .notifications, !settings.anonymousNotifications { return false }
        return settings.listen.isLoopback && !isForwarded || settings.anonymous.contains(mount.name)
    }

    /// Whether requests may be for a host.
    func allows(host: String?) -> Bool {
        if let host, host == allowedHost { return true }
        guard origins.hosts.allows(host) else { return false }
        allowedHost = host
        return true
    }

    /// Whether a page may use the server.
    func allows(_ question: Origins.Question) -> Bool {
        if question == allowedOrigin { return true }
        guard origins.allows(question) else { return false }
        allowedOrigin = question
        return true
    }

    /// A whole text frame, compressed without a context.
    func deflate(_ frame: [UInt8]) -> [UInt8] {
        FrameEncoder.frame(.text, deflater.deflate(FrameEncoder.payload(of: frame).span).span, isCompressed: true)
    }

    // MARK: - Places

    func carrier(_ id: ConnectionID) -> Carrier? { places[id] }

    /// The HTTP part of a connection, if it is still there.
    func conversation(_ id: ConnectionID) -> HTTPConversation? { (carrier(id) as? Connection)?.conversation }

    /// All there are, as of now: some may end while they are looked through.
    var carriers: [Carrier] { places.carriers }

    var connectionCount: Int { places.count }

    /// Gives a new carrier its place.
    func place<Placed: Carrier>(_ make: (ConnectionID) -> Placed) -> Placed {
        let carrier = make(places.take())
        places.put(carrier)
        return carrier
    }

    func remove(_ carrier: Carrier) { places.free(carrier.id) }

    /// Gives a carrier another place: what is on its way to the session that it carried must not reach the next one.
    func renew(_ carrier: Carrier) {
        places.free(carrier.id)
        carrier.move(to: places.take())
        places.put(carrier)
    }

    // MARK: - Time

    /// For what is limited a second: it wraps around.
    var milliseconds: UInt32 { UInt32(truncatingIfNeeded: loop.now) }

    /// The same clock, for what all loops limit together.
    var microseconds: Int64 { Int64(loop.now) * 1000 }

    /// The wheel's tick for a moment to come.
    func tick(at moment: Timestamp) -> UInt32 {
        wheel.now + DeadlineWheel.ticks(.microseconds(max(0, moment.microseconds - Timestamp.now.microseconds))) + 1
    }

    /// For the `Date` header; of this second.
    var date = HTTPDate(secondsSince1970: Int(Timestamp.now.microseconds / 1_000_000))

    // MARK: - Stopping

    /// Whether no client is let in any more, as the server is about to go. Requests are answered still.
    var isDraining: Bool { api.state.isDraining }
    /// When whoever is not let in may try again.
    var secondsToRestart: Int { (departures?.secondsLeft ?? 0) + 1 }
    /// How many clients have to leave yet.
    var departing: Int { departures?.count ?? 0 }

    /// Lets nobody in any more, and sends those away who are there, over a time.
    func drain(over duration: Duration) {
        if departures != nil { return }
        departures = Departures(carriers.filter(\.isClient), over: UInt64(duration.milliseconds), of: self)
    }

    /// Takes no more connections, and ends those there are as soon as they have their answers.
    func stop() {
        isStopping = true
        departures?.stop()
        for listener in listeners { listener.close() }
        for carrier in carriers { carrier.stopServing() }
    }

    /// Ends what is left.
    func abort() {
        departures?.stop()
        for carrier in carriers { carrier.abort() }
        timer?.close()
    }
}

extension Configuration {
    /// What browsers are told about coming by TLS only.
    fileprivate var transportSecurity: String? {
        let seconds = hsts.components.seconds
        return seconds > 0 ? "max-age=\(seconds)" : nil
    }
}

extension HTTPLimits {
    fileprivate init(_ settings: Configuration) {
        self.init()
        body = max(settings.maxBody, settings.maxPayload)
    }
}
