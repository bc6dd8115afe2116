import Chat
import Dialects
import EventLoop
import HTTP
import SocketIO
import Storage
import WebSocket

/// How a connection becomes a WebSocket.
extension Connection {
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

    /// Goes on as a WebSocket.
    ///
    /// - Parameters:
    ///   - token: What the client brought; without one, it is nobody in particular.
    ///   - early: What the client sent right behind its handshake.
    func upgrade(_ opening: Opening, token: String?, early: [UInt8]) {
        // The request's conversation knows it still; later the system would be asked.
        let address = address
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

    func refuse(_ reason: RefusalReason, _ code: CloseCode, _ words: String) {
        hub.note(reason)
        close(code, words)
    }

    func open(_ mount: Mount, as user: User?, holder: Holder?, expiresAt: Timestamp?) {
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

    /// Goes on as the websocket of a client that another node has.
    ///
    /// - Parameters:
    ///   - answer: The other node's answer to the handshake, and what came behind it.
    ///   - early: What the client sent right behind its handshake.
    func splice(to node: NodeConnection, _ answer: [UInt8], early: [UInt8]) {
        phase = .spliced(node)
        setDeadline(.max)
        stream.send(answer)
        stream.startReading()
        node.relay(early)
    }

    /// Goes on as the websocket of a client.
    func upgrade(to client: EngineClient, handshake: [UInt8]) {
        phase = .engine(client)
        setDeadline(.max)
        decoder = MessageDecoder(maximumMessageLength: hub.engineSettings.maxPayload)
        stream.limitQueue(to: hub.settings.sendQueue)
        stream.send(handshake)
        stream.startReading()
    }
}
