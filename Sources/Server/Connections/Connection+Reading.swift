import EventLoop
import WebSocket

/// What a client sends.
extension Connection {
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
        case .spliced(let node): node.relay(bytes.span.copy)
        case .lingering, .gone:
            break
        }
    }

    func decode(_ bytes: inout MutableSpan<UInt8>) {
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

    var isWaiting: Bool { waitsUntil != .max }

    /// Leaves the client alone for a tick, with what is not looked at yet.
    private func wait(with rest: Span<UInt8>) {
        append(rest, to: &self.rest)
        stream.stopReading()
        waitsUntil = hub.wheel.now + 1
        updateDeadline()
    }

    /// Goes on with the client after a wait.
    func readOn(_ session: Session) {
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

    func readOn(_ isPaused: Bool) {
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

    /// The peer closes: its code goes back, and nothing else after it (RFC 6455, section 5.5.1).
    private func receivedClose(_ code: CloseCode) {
        if case .webSocket(let session) = phase { session.closedByPeer() }
        hub.meter.closedByPeer(code)
        leave(FrameEncoder.close(code == .noneReceived ? .normal : code))
    }

    func decodeEarly(_ early: inout [UInt8]) {
        if early.isEmpty || !isOpen { return }
        var span = early.mutableSpan
        decode(&span)
    }

    /// What the client sent right behind its handshake.
    func receivedEarly(_ early: [UInt8]) {
        var early = early
        decodeEarly(&early)
    }
}
