import SocketIO

/// What the outside of a session must look like, whatever happens.
private struct World {
    let session: EngineSession
    var now: UInt64 = 0
    var hasPoll: Bool
    var hasWebSocket: Bool
    var hasPost = false
    /// Messages are numbers that count up; those that came out must be the next each time.
    var sent: UInt64 = 0
    var received: UInt64 = 0
    var isOver = false

    init(on transport: EngineTransport) {
        let settings = EngineSettings(
            pingInterval: 40, pingTimeout: 30, upgradeTimeout: 20, closeTimeout: 50, maxPayload: 64, queueLimit: 2000)
        session = EngineSession(settings, sid: "a", on: transport, at: 0)
        hasPoll = transport == .polling
        hasWebSocket = transport == .webSocket
        obey()
    }

    mutating func obey() {
        while let order = session.nextOrder() {
            precondition(!isOver, "an order after the end")
            switch order {
            case .write(let packet):
                precondition(hasWebSocket, "a frame without a websocket")
                see(packet)
            case .answerPoll(let payload):
                precondition(hasPoll, "an answer without a poll")
                hasPoll = false
                for packet in payload.split(separator: Payload.separator) { see(.text(packet)) }
            case .refusePoll:
                precondition(hasPoll, "a refusal without a poll")
                precondition(!session.isOpen, "a refusal of an open session's poll")
                hasPoll = false
            case .closeWebSocket:
                precondition(hasWebSocket, "no websocket to close")
                hasWebSocket = false
                session.webSocketClosed()
            case .end:
                precondition(!hasPoll && !hasWebSocket, "the end left something open")
                precondition(!session.isOpen)
                isOver = true
            }
        }
        precondition(session.queuedBytes <= 2000, "more waits than allowed")
        precondition(isOver == (session.deadline == .max), "an end without an order, or no end")
        precondition(session.deadline > now || isOver, "time was not seen to")
    }

    private mutating func see(_ packet: OutgoingPacket) {
        guard case .text(let bytes) = packet else { preconditionFailure("nothing binary was sent") }
        guard bytes.first == EnginePacket.Kind.message.digit else { return }
        received += 1
        precondition(String(decoding: bytes.dropFirst(), as: UTF8.self) == "\(received)", "lost, or twice")
    }

    mutating func send() {
        sent += 1
        switch session.send(.text(Array("4\(sent)".utf8)[...])) {
        case .write:
            precondition(hasWebSocket && received == sent - 1, "a packet overtook others")
            received += 1
        case .keep: break
        case .drop: precondition(!session.isOpen, "an open session dropped a packet")
        }
    }

    mutating func post(_ body: [UInt8]) {
        while let packet = session.nextMessage(inPost: body.span, at: now) {
            precondition(packet.kind == .message && session.isOpen)
            obey()
        }
        _ = session.endPost()
        hasPost = false
    }
}

/// Does to a session what the bytes say, in any order, and checks that it keeps its promises.
func playSession(_ input: ArraySlice<UInt8>) {
    guard let first = input.first else { return }
    var world = World(on: first & 1 == 0 ? .polling : .webSocket)
    var rest = input.dropFirst()
    while let step = rest.popFirst() {
        switch step {
        case UInt8(ascii: "g"):
            if world.session.beginPoll() { world.hasPoll = true }
        case UInt8(ascii: "G"):
            if world.hasPoll {
                world.hasPoll = false
                world.session.pollClosed()
            }
        case UInt8(ascii: "p"): if world.session.beginPost() { world.hasPost = true }
        case UInt8(ascii: "P"): if world.hasPost { world.post(text(&rest)) }
        case UInt8(ascii: "x"):
            if world.hasPost {
                world.hasPost = false
                world.session.postClosed()
            }
        case UInt8(ascii: "w"): if world.session.openWebSocket(at: world.now) { world.hasWebSocket = true }
        case UInt8(ascii: "W"):
            if world.hasWebSocket {
                world.hasWebSocket = false
                world.session.webSocketClosed()
            }
        case UInt8(ascii: "f"), UInt8(ascii: "b"):
            let bytes = text(&rest)
            if world.hasWebSocket {
                let packet = world.session.received(bytes.span, isText: step == UInt8(ascii: "f"), at: world.now)
                precondition(packet == nil || world.session.transport == .webSocket, "a message on probation")
            }
        case UInt8(ascii: "s"): world.send()
        case UInt8(ascii: "c"): world.session.close(at: world.now)
        case UInt8(ascii: "a"): world.session.abandon(at: world.now)
        default:
            world.now += UInt64(step)
            world.session.timePassed(at: world.now)
        }
        world.obey()
    }
}

/// Takes the bytes up to the next `.`.
private func text(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
    let text = rest.prefix { $0 != UInt8(ascii: ".") }
    rest = rest.dropFirst(text.count + 1)
    return Array(text)
}
