import Chat
import EventLoop
import SocketIO
import WebSocket

/// One session of Engine.IO and the connections that serve it at the moment: a poll, a payload, a websocket. What its
/// messages mean is the subclass's.
class EngineClient: Carrier {
    /// The id of the session.
    final let sid: String

    private let engine: EngineSession
    /// A GET that waits for its answer, a POST whose body arrives or whose messages wait for their turn, and a websocket.
    private var poll, post: HTTPConversation?
    private var webSocket: Connection?
    /// What the POST brought, until all of it was taken in and it gets its answer.
    private var body: [UInt8]?
    private var isMarked = false
    private var isPaused = false
    /// How often a client that was not listened to was let off its pong.
    private var excuses = 0
    private static let mostExcuses = 10
    /// What the websocket had not written when it was last looked at whether the client lives: who reads does.
    private var unwritten = 0
    private var wantsDrained = false
    private(set) final var isOver = false
    /// What a websocket took with it that ended together with the session.
    private var lostBytes = 0
    /// What waited for it when that was last noted.
    private var waitingBytes = 0
    private var closeFrame = (code: CloseCode.normal, reason: "")
    /// The deadline of Engine.IO that was last set.
    private var engineDeadline: UInt64 = 0

    init(_ id: ConnectionID, on transport: EngineTransport, base64: Bool, of hub: Hub) {
        sid = SessionID.random(onShard: hub.index, of: hub.forwarding?.nodes.own)
        engine = EngineSession(hub.engineSettings, sid: sid, on: transport, base64: base64, at: hub.loop.now)
        super.init(id, of: hub)
    }

    // MARK: - For the subclass

    /// A message of the client, without the digit in front of a text.
    func received(message: Span<UInt8>, isText: Bool) {}
    /// The session is over; nothing follows.
    func ended() {}
    /// When ``timePassed()`` is to be called, besides what Engine.IO wants.
    var nextDeadline: UInt32 { .max }

    /// Whether messages still come and go.
    final var isOpen: Bool { engine.isOpen }

    // MARK: - Orders

    /// Does what the session of Engine.IO wants done.
    private func obey() {
        defer { noteWaiting() }
        while let order = engine.nextOrder() {
            switch order {
            case .write(let packet): webSocket?.write(packet)
            case .answerPoll(let payload): poll.take()?.answerPoll(payload)
            case .refusePoll: poll.take()?.refusePoll()
            case .closeWebSocket:
                if let connection = takeWebSocket() { connection.close(closeFrame.code, closeFrame.reason) }
            case .end(let reason):
                if let reason = RefusalReason(reason) { hub.note(reason) }
                end()
            }
        }
        if wantsDrained {
            if queuedBytes == 0 {
                drained()
            } else {
                // It may have been asked before there was one.
                webSocket?.tellWhenDrained()
            }
        }
        // A message seldom changes it.
        if engine.deadline != engineDeadline { updateDeadline() }
    }

    /// For the metrics.
    private func noteWaiting() {
        let bytes = isOver ? 0 : engine.queuedBytes
        hub.bytesForPolls += bytes - waitingBytes
        waitingBytes = bytes
    }

    /// Goes on with the POST, and answers the poll that waits with all that this turn of the loop brought.
    final func flush() {
        isMarked = false
        takePost()
        obey()
    }

    private func mark() {
        if isMarked { return }
        isMarked = true
        hub.setUnflushed(self)
    }

    /// Sends a whole frame, which is written as it is where a websocket takes it.
    final override func send(_ frame: consuming [UInt8]) {
        switch engine.send(.text(FrameEncoder.payload(of: frame))) {
        case .write: webSocket?.send(frame)
        case .keep: mark()
        case .drop: break
        }
    }

    final override func send(binary frame: consuming [UInt8]) {
        switch engine.send(.binary(FrameEncoder.payload(of: frame))) {
        case .write: webSocket?.send(frame)
        case .keep: mark()
        case .drop: break
        }
    }

    final override var queuedBytes: Int { engine.queuedBytes + (webSocket?.queuedBytes ?? 0) + lostBytes }

    final override var isCongested: Bool {
        engine.queuedBytes > hub.settings.sendQueue / 2 || webSocket?.isCongested ?? false
    }

    final override func tellWhenDrained() {
        wantsDrained = true
        webSocket?.tellWhenDrained()
    }

    /// The websocket has written all, or the last poll has taken it.
    final func drained() {
        // What is queued by now asks again.
        wantsDrained = false
        session?.drained()
    }

    /// Of a websocket no more is read, and of a POST no more taken in.
    final override func pauseReading(_ isPaused: Bool) {
        // What is on probation has to be read: its upgrade would never end.
        if engine.transport == .webSocket { webSocket?.pauseReading(isPaused) }
        if isPaused == self.isPaused { return }
        self.isPaused = isPaused
        excuses = 0
        if !isPaused, body != nil { mark() }
    }

    // MARK: - Polling

    final func begin(poll: HTTPConversation) {
        self.poll = poll
        obey()
    }

    /// - Returns: Whether the GET is this session's poll from now on.
    final func beginPoll(_ conversation: HTTPConversation) -> Bool {
        let isTaken = engine.beginPoll()
        if isTaken { poll = conversation }
        obey()
        return isTaken
    }

    /// Whoever brings the poll is about to go: it is answered now.
    final func releasePoll() {
        engine.releasePoll()
        obey()
    }

    final func pollClosed() {
        poll = nil
        engine.pollClosed()
        obey()
    }

    /// - Returns: Whether the POST is this session's from now on.
    final func beginPost(_ conversation: HTTPConversation) -> Bool {
        let isTaken = engine.beginPost()
        if isTaken { post = conversation }
        obey()
        return isTaken
    }

    final func postClosed() {
        // Who does not wait for the answer can't know what counted.
        (post, body) = (nil, nil)
        engine.postClosed()
        obey()
    }

    /// The body of the POST is here.
    final func finishPost(_ body: [UInt8]) {
        self.body = body
        takePost()
        obey()
    }

    /// Takes in what the POST brought, as long as the client does not have to wait for answers, and then answers it.
    private func takePost() {
        guard let body else { return }
        while !isPaused, let packet = engine.nextMessage(inPost: body.span, at: hub.loop.now) {
            packet.withData(in: body.span) { received(message: $0, isText: packet.isText) }
        }
        if isPaused { return }
        self.body = nil
        let isAccepted = engine.endPost()
        post.take()?.answerPost(isAccepted: isAccepted)
    }

    // MARK: - The websocket

    final func begin(webSocket: Connection) {
        self.webSocket = webSocket
        obey()
    }

    /// A websocket was opened for this session: it is on probation, or closed again.
    final func openWebSocket(_ connection: Connection, base64: Bool) {
        guard engine.openWebSocket(base64: base64, at: hub.loop.now) else {
            return connection.close(.normal, "")
        }
        webSocket = connection
        obey()
    }

    /// Takes a message of the websocket.
    final func received(_ bytes: Span<UInt8>, isText: Bool) {
        if let packet = engine.received(bytes, isText: isText, at: hub.loop.now) {
            packet.withData(in: bytes) { received(message: $0, isText: packet.isText) }
        }
        if isPaused { pauseReading(true) }
        obey()
    }

    /// The node that passes on a websocket is about to go. What was sent before still reaches the client, who comes back by
    /// itself.
    final func isLeft(by connection: Connection) {
        if webSocket === connection, engine.transport == .webSocket { depart() } else { connection.stream.close() }
    }

    /// A websocket is gone, be it this session's or one that was refused.
    final func closed(_ connection: Connection) {
        if webSocket !== connection { return }
        engine.webSocketClosed()
        takeWebSocket()
        obey()
    }

    /// Lets go of the websocket. What it has not sent has not arrived, unless it was on probation only.
    @discardableResult
    private func takeWebSocket() -> Connection? {
        if !engine.isOpen { lostBytes += webSocket?.queuedBytes ?? 0 }
        return webSocket.take()
    }

    // MARK: - The end

    /// Ends the session; what was sent before still reaches the client.
    override func close(_ code: CloseCode, _ reason: String) {
        closeFrame = (code, reason)
        if code == .serviceRestart { engine.abandon(at: hub.loop.now) } else { engine.close(at: hub.loop.now) }
        obey()
    }

    override func overflowed() {
        hub.note(.receiverTooSlow)
        close(.tryAgainLater, "Too slow to read")
    }

    override func stopServing() {
        depart()
        // Nobody is there to fetch what is left.
        abort()
    }

    override var isClient: Bool { !isOver }
    override func prepareToLeave() { webSocket?.prepareToLeave() }
    override var isAnswered: Bool { session?.isAnswered ?? true && body == nil && webSocket?.isAnswered ?? true }
    override var hasLeft: Bool { isOver }

    override func abort() {
        takeWebSocket()?.abort()
        end()
        noteWaiting()
    }

    private func end() {
        if isOver { return }
        isOver = true
        ended()
        hub.remove(self)
        body = nil
        post.take()?.refusePost()
    }

    // MARK: - Time

    final override func updateDeadline() {
        if isOver { return }
        let (now, deadline) = (hub.loop.now, engine.deadline)
        engineDeadline = deadline
        // Of a session that is over nothing is expected any more.
        if deadline == .max { return setDeadline(nextDeadline) }
        let wait = deadline > now ? Int64(clamping: deadline - now) : 0
        setDeadline(min(nextDeadline, hub.wheel.now + DeadlineWheel.ticks(milliseconds: wait)))
    }

    override func timePassed() {
        let before = unwritten
        unwritten = webSocket?.stream.unsentBytes ?? 0
        // Who polls has nothing under way that would tell when they are gone.
        if unwritten < before {
            engine.wasNotHeard(at: hub.loop.now)
        } else if isPaused, engine.transport == .webSocket || excuses < Self.mostExcuses {
            excuses += 1
            engine.wasNotHeard(at: hub.loop.now)
        }
        engine.timePassed(at: hub.loop.now)
        obey()
        updateDeadline()
    }
}

extension RefusalReason {
    /// `nil` where nothing was refused.
    fileprivate init?(_ end: EngineEnd) {
        switch end {
        case .overlap, .badPacket: self = .protocolError
        case .queueFull: self = .receiverTooSlow
        case .closedByClient, .closedByServer, .pingTimeout, .transportClosed: return nil
        }
    }
}

extension EngineSettings {
    init(_ settings: Configuration) {
        self.init(
            pingInterval: UInt64(settings.pingInterval.milliseconds),
            pingTimeout: UInt64(settings.pingTimeout.milliseconds),
            maxPayload: settings.maxPayload, queueLimit: settings.sendQueue)
    }
}
