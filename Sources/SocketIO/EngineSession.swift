/// One session of Engine.IO 4, over its transports and the upgrade between them.
///
/// Events are methods, and after each the caller takes all orders (``nextOrder()``). The caller knows which connections
/// are the session's: at most one GET that waits (the poll), one POST, and one websocket, be it on probation or not. A
/// request or websocket that a method refused is not the session's.
///
/// Times are milliseconds on a clock that only goes forward.
package final class EngineSession {
    enum Stage {
        case polling
        /// A websocket is on probation; polling still carries everything.
        case upgrading(isProbed: Bool, until: UInt64)
        case webSocket
        /// The server closes; the next poll tells the client, or takes only what is left for it.
        case closing(until: UInt64, isTold: Bool)
        case closed
    }

    let settings: EngineSettings
    /// Whether binary messages go as base64 on a websocket too.
    var usesBase64: Bool
    var stage: Stage
    private var queue = PacketQueue() { didSet { bytesInQueue = queue.byteCount } }
    /// Looked at with each packet, so it is apart.
    private var bytesInQueue = 0
    var heartbeat: EngineHeartbeat
    var hasPoll = false
    /// Whether the poll is to be answered at once.
    var releasesPoll = false
    var post: Post?

    // Orders that do not follow from the rest.
    var owesProbe = false
    var closesWebSocket = false
    /// Whether what is queued goes first.
    private var drainsWebSocket = false
    private var end: EngineEnd?
    /// What a poll hears that waits at the end; `nil`: that the session is unknown.
    var lastWord: EnginePacket.Kind? = .close

    enum Post {
        case begun
        case reading(PayloadDecoder)
        case refused
    }

    /// Opens a session for a GET that now waits for its answer, or for a websocket.
    ///
    /// - Parameters:
    ///   - sid: What no other session has, and nobody can guess.
    ///   - base64: Whether the client takes no binary messages of a websocket.
    package init(
        _ settings: EngineSettings, sid: String, on transport: EngineTransport, base64: Bool = false, at now: UInt64
    ) {
        self.settings = settings
        usesBase64 = base64
        heartbeat = EngineHeartbeat(settings, at: now)
        switch transport {
        case .polling:
            stage = .polling
            hasPoll = true
        case .webSocket: stage = .webSocket
        }
        queue.append(settings.openPacket(sid: sid, on: transport))
        bytesInQueue = queue.byteCount
    }

    /// Whether messages still come and go.
    package var isOpen: Bool {
        switch stage {
        case .polling, .upgrading, .webSocket: true
        case .closing, .closed: false
        }
    }

    /// What carries the session's packets at present.
    package var transport: EngineTransport {
        if case .webSocket = stage { .webSocket } else { .polling }
    }

    /// What waits for the client, in bytes, and at the end what never left; see ``EngineSettings/queueLimit``.
    package var queuedBytes: Int { bytesInQueue }

    // MARK: - Orders

    /// What is to be done next; `nil` when nothing is left to do. To be asked after every event.
    package func nextOrder() -> EngineOrder? {
        if hasPoll, let answer = pollAnswer() { return answer }
        if owesProbe {
            owesProbe = false
            return .write(.text([EnginePacket.Kind.pong.digit] + Array("probe".utf8)))
        }
        if bytesInQueue > 0, writesQueue, let packet = queue.popFirst() {
            return .write(usesBase64 ? packet.inBase64 : packet)
        }
        if closesWebSocket {
            closesWebSocket = false
            return .closeWebSocket
        }
        return end.take().map { .end($0) }
    }

    private var writesQueue: Bool {
        if case .webSocket = stage { true } else { drainsWebSocket }
    }

    private func pollAnswer() -> EngineOrder? {
        switch stage {
        case .polling where queue.isEmpty && !releasesPoll,
            .upgrading(isProbed: false, _) where queue.isEmpty && !releasesPoll:
            return nil
        // Each answer may be the client's last poll, which it waits for before it completes the upgrade.
        case .polling where queue.isEmpty, .upgrading where queue.isEmpty, .webSocket:
            hasPoll = false
            return .answerPoll([EnginePacket.Kind.noop.digit])
        case .polling, .upgrading:
            hasPoll = false
            return .answerPoll(queue.takePayload(limit: settings.maxPayload))
        case .closing(_, let isTold):
            hasPoll = false
            if !queue.isEmpty {
                let payload = queue.takePayload(limit: settings.maxPayload)
                if !isTold, queue.isEmpty { finish(.closedByServer) }
                return .answerPoll(payload)
            }
            finish(.closedByServer)
            // In a payload of its own: clients end at once by it, and look at what came along too late.
            return .answerPoll([EnginePacket.Kind.close.digit])
        case .closed:
            hasPoll = false
            return lastWord.map { .answerPoll([$0.digit]) } ?? .refusePoll
        }
    }

    // MARK: - Messages

    /// - Returns: Whether it is a message.
    func receive(_ packet: EnginePacket, at now: UInt64) throws(EngineError) -> Bool {
        switch packet.kind {
        case .message: return true
        case .pong: heartbeat.receivedPong(at: now)
        case .close:
            lastWord = .noop
            finish(.closedByClient)
        // In this version of the protocol the server asks.
        case .ping: throw .notAPacket
        // Out of place, but harmless.
        case .open, .upgrade, .noop: break
        }
        return false
    }

    /// Sends a message packet, which is made only where the session keeps it.
    package func send(_ packet: @autoclosure () -> OutgoingPacket) -> EngineSending {
        switch stage {
        case .webSocket:
            if bytesInQueue == 0, !usesBase64 { return .write }
            enqueue(packet())
            return .keep
        case .polling, .upgrading:
            enqueue(packet())
            return .keep
        case .closing, .closed: return .drop
        }
    }

    private func enqueue(_ packet: OutgoingPacket) {
        if queue.byteCount(with: packet) > settings.queueLimit { return finish(.queueFull) }
        queue.append(packet)
    }

    /// The server wants no more of this client. What was sent before still reaches it.
    package func close(at now: UInt64) {
        switch stage {
        case .upgrading:
            abandonUpgrade()
            stage = .closing(until: now + settings.closeTimeout, isTold: true)
        case .polling: stage = .closing(until: now + settings.closeTimeout, isTold: true)
        case .webSocket: finish(.closedByServer)
        case .closing, .closed: break
        }
    }

    /// The server goes, and the client is to come back to the next one. What was sent before still reaches it, but no
    /// packet tells it of the end: some clients take one as a wish not to see them again, and stay away, while all of
    /// them come back after a request that failed.
    package func abandon(at now: UInt64) {
        if case .upgrading = stage { abandonUpgrade() }
        switch stage {
        case .polling where !queue.isEmpty: stage = .closing(until: now + settings.closeTimeout, isTold: false)
        case .polling, .upgrading, .webSocket:
            lastWord = nil
            finish(.closedByServer)
        case .closing, .closed: break
        }
    }

    func finish(_ reason: EngineEnd) {
        switch stage {
        case .closed: return
        case .upgrading: closesWebSocket = true
        case .webSocket:
            closesWebSocket = true
            drainsWebSocket = reason == .closedByServer
        case .polling, .closing: break
        }
        stage = .closed
        owesProbe = false
        if reason == .overlap, post != nil { post = .refused }
        end = reason
    }

    // MARK: - Time

    /// When ``timePassed(at:)`` wants to be called next.
    package var deadline: UInt64 {
        switch stage {
        case .polling, .webSocket: heartbeat.deadline
        case .upgrading(_, let until): min(until, heartbeat.deadline)
        case .closing(let until, _): until
        case .closed: .max
        }
    }

    /// Whoever carries the session reads nothing of the client at present: a pong may wait to be read.
    package func wasNotHeard(at now: UInt64) { heartbeat.restart(at: now) }

    package func timePassed(at now: UInt64) {
        switch stage {
        case .polling, .webSocket: break
        case .upgrading(_, let until): if now >= until { abandonUpgrade() }
        case .closing(let until, _):
            if now >= until { finish(.closedByServer) }
            return
        case .closed: return
        }
        switch heartbeat.timePassed(at: now) {
        case .none: break
        case .ping: enqueue(OutgoingPacket(.ping))
        case .giveUp: finish(.pingTimeout)
        }
    }
}

extension OutgoingPacket {
    /// The packet as a text.
    fileprivate var inBase64: OutgoingPacket {
        guard case .binary = self else { return self }
        var text: [UInt8] = []
        text.reserveCapacity(Payload.length(of: self))
        Payload.append(self, to: &text)
        return .text(text[...])
    }
}
