import HTTP
import SocketIO

/// One session with the connections that are its own.
final class Session {
    let sid: String
    let service: Service
    private let sessions: Sessions
    private let application: any Application
    private let engine: EngineSession
    private var poll: Connection?
    /// A POST whose body is not there yet.
    private var post: Connection?
    private var webSocket: Connection?

    init(
        _ sid: String, _ service: Service, on transport: EngineTransport, base64: Bool, of sessions: Sessions,
        _ application: any Application
    ) {
        self.sid = sid
        self.service = service
        self.sessions = sessions
        self.application = application
        engine = EngineSession(sessions.settings, sid: sid, on: transport, base64: base64, at: sessions.now)
    }

    /// The connection that the session was opened by is there.
    func begin(on connection: Connection) {
        switch engine.transport {
        case .polling: poll = connection
        case .webSocket: webSocket = connection
        }
        obey()
    }

    private func obey() {
        while let order = engine.nextOrder() {
            switch order {
            case .write(let packet): webSocket?.write(packet)
            case .answerPoll(let payload): poll.take()?.answer(.payload(payload))
            // Of what this server never does.
            case .refusePoll: poll.take()?.refusePost()
            case .closeWebSocket: webSocket.take()?.closeWebSocket()
            case .end:
                sessions.remove(self)
                post.take()?.refusePost()
            }
        }
    }

    func send(_ packet: OutgoingPacket) {
        if engine.send(packet) == .write { webSocket?.write(packet) }
        obey()
    }

    func close() {
        engine.close(at: sessions.now)
        obey()
    }

    func timePassed() {
        application.timePassed(self)
        engine.timePassed(at: sessions.now)
        obey()
    }

    var now: UInt64 { sessions.now }

    // MARK: - Polling

    func beginPoll(_ connection: Connection) -> Bool {
        guard engine.beginPoll() else {
            obey()
            return false
        }
        poll = connection
        obey()
        return true
    }

    func pollClosed() {
        poll = nil
        engine.pollClosed()
        obey()
    }

    func beginPost(_ connection: Connection) -> Bool {
        guard engine.beginPost() else {
            obey()
            return false
        }
        post = connection
        return true
    }

    func postClosed() {
        post = nil
        engine.postClosed()
        obey()
    }

    /// - Returns: The answer to the POST.
    func finishPost(_ body: [UInt8]) -> Response {
        post = nil
        while let packet = engine.nextMessage(inPost: body.span, at: sessions.now) {
            packet.withData(in: body.span) { application.received($0, isText: packet.isText, from: self) }
        }
        let response: Response = engine.endPost() ? .payload(Array("ok".utf8)) : .refusal(.badRequest)
        obey()
        return response
    }

    // MARK: - The websocket

    func openWebSocket(_ connection: Connection, base64: Bool) -> Bool {
        guard engine.openWebSocket(base64: base64, at: sessions.now) else { return false }
        webSocket = connection
        return true
    }

    func received(_ bytes: Span<UInt8>, isText: Bool) {
        if let packet = engine.received(bytes, isText: isText, at: sessions.now) {
            packet.withData(in: bytes) { application.received($0, isText: packet.isText, from: self) }
        }
        obey()
    }

    func webSocketClosed() {
        webSocket = nil
        engine.webSocketClosed()
        obey()
    }
}

extension Response {
    /// What a poll or a POST gets.
    static func payload(_ body: [UInt8]) -> Response {
        let headers: [Header] = [("Content-Type", "text/plain; charset=UTF-8"), ("Cache-Control", "no-store")]
        return Response(.ok, headers: headers, body: body)
    }

    static func refusal(_ error: EngineRequestError) -> Response {
        .json(error == .forbidden ? .forbidden : .badRequest, error.body)
    }
}
