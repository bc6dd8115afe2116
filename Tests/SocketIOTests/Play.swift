import SocketIO

/// A session with a client that is played by a test: each step gives the orders that follow, as texts.
struct Play {
    let session: EngineSession
    var now: UInt64 = 1000

    /// A session after its handshake: the open packet has left.
    init(on transport: EngineTransport, _ settings: EngineSettings = EngineSettings(), base64: Bool = false) {
        session = EngineSession(settings, sid: "a", on: transport, base64: base64, at: now)
        _ = orders()
    }

    mutating func orders() -> [String] {
        var orders: [String] = []
        while let order = session.nextOrder() { orders.append(order.text) }
        return orders
    }

    mutating func poll() -> [String] {
        let isAccepted = session.beginPoll()
        return (isAccepted ? [] : ["400"]) + orders()
    }

    /// What the messages of a POST say, the orders that follow, and its answer.
    mutating func post(_ payload: String) -> [String] {
        guard session.beginPost() else { return ["400"] + orders() }
        return finishPost(payload)
    }

    mutating func finishPost(_ payload: String) -> [String] {
        let body = payload.bytes
        var steps: [String] = []
        while let packet = session.nextMessage(inPost: body.span, at: now) {
            steps.append(packet.text(in: body))
            steps += orders()
        }
        steps.append(session.endPost() ? "ok" : "400")
        return steps + orders()
    }

    mutating func openWebSocket(base64: Bool = false) -> [String] {
        (session.openWebSocket(base64: base64, at: now) ? [] : ["refused"]) + orders()
    }

    /// The websocket brings a text.
    mutating func frame(_ text: String) -> [String] { frame(text.bytes, isText: true) }

    mutating func frame(_ bytes: [UInt8], isText: Bool) -> [String] {
        let packet = session.received(bytes.span, isText: isText, at: now)
        return (packet.map { [$0.text(in: bytes)] } ?? []) + orders()
    }

    mutating func webSocketCloses() -> [String] {
        session.webSocketClosed()
        return orders()
    }

    mutating func send(_ text: String) -> [String] { send(.text(text)) }

    mutating func send(_ packet: OutgoingPacket) -> [String] {
        let sending = session.send(packet)
        return (sending == .keep ? [] : ["\(sending)"]) + orders()
    }

    mutating func close() -> [String] {
        session.close(at: now)
        return orders()
    }

    mutating func abandon() -> [String] {
        session.abandon(at: now)
        return orders()
    }

    mutating func wait(_ milliseconds: UInt64) -> [String] {
        now += milliseconds
        session.timePassed(at: now)
        return orders()
    }

    /// Moves to a websocket; the orders are not looked at.
    mutating func upgrade() {
        _ = openWebSocket()
        _ = frame("2probe")
        _ = frame("5")
    }
}

extension EnginePacket {
    fileprivate func text(in bytes: [UInt8]) -> String {
        let data = withData(in: bytes.span) { [UInt8](copying: $0) }
        return "message " + (isText ? String(data) : "\(data)")
    }
}

extension EngineOrder {
    var text: String {
        switch self {
        case .write(.text(let bytes)): "write " + String(bytes)
        case .write(.binary(let bytes)): "write \(Array(bytes))"
        case .answerPoll(let payload): "answer " + String(payload).replacing("\u{1E}", with: " ")
        case .refusePoll: "refuse"
        case .closeWebSocket: "close"
        case .end(let end): "end \(end)"
        }
    }
}
