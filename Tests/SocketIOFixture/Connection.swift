import EventLoop
import HTTP
import SocketIO
import WebSocket

/// One connection: requests one after the other, or a websocket.
final class Connection: SocketStreamDelegate {
    private enum Role {
        /// Between two requests.
        case idle
        /// A GET that waits for its answer.
        case poll(Session)
        /// A POST whose body arrives.
        case post(Session)
        case webSocket(Session)
        /// After the last bytes.
        case done
    }

    private let stream: SocketStream
    private let sessions: Sessions
    private var role = Role.idle
    private var requests: RequestDecoder
    private var frames: MessageDecoder
    private var keepsAlive = false
    private var isDecoding = false
    /// What may wait for a client, or from one that waits itself.
    private static let queueLimit = 16 << 20

    init(_ stream: SocketStream, _ sessions: Sessions) {
        self.stream = stream
        self.sessions = sessions
        requests = RequestDecoder(limits: HTTPLimits(body: sessions.settings.maxPayload))
        frames = MessageDecoder(maximumMessageLength: sessions.settings.maxPayload)
    }

    func start() {
        stream.delegate = self
        stream.limitQueue(to: Self.queueLimit)
        stream.startReading()
    }

    func received(_ bytes: inout MutableSpan<UInt8>) {
        switch role {
        case .idle, .post:
            requests.append(bytes.span)
            decodeRequests()
        case .poll:
            requests.append(bytes.span)
            if requests.bufferedByteCount > 65_536 { stream.close() }
        case .webSocket: decodeFrames(&bytes)
        case .done: break
        }
    }

    // MARK: - Requests

    private func decodeRequests() {
        // An answer that is ready at once comes back here; the loop under way goes on by itself.
        if isDecoding { return }
        isDecoding = true
        defer { isDecoding = false }
        do throws(HTTPError) {
            while isBetweenRequests {
                let step = try requests.next()
                switch step {
                case .needMoreHead: return
                case .needMoreBody, .sendContinue:
                    if let request = requests.unfinishedRequest { begin(request) }
                    guard isBetweenRequests else { return }
                    if step == .needMoreBody { return }
                    stream.send(Response.continueBytes)
                case .request(let request): receive(request)
                }
            }
        } catch {
            let session = postSession
            end(.error(error))
            session?.postClosed()
        }
    }

    private var isBetweenRequests: Bool {
        switch role {
        case .idle, .post: true
        case .poll, .webSocket, .done: false
        }
    }

    private var postSession: Session? { if case .post(let session) = role { session } else { nil } }

    /// The head of a request is there: a POST must not begin while another is under way.
    private func begin(_ request: Request) {
        guard case .idle = role, case .post(let sid)? = try? EngineRequest(request), let session = session(sid, request)
        else { return }
        role = .post(session)
        if !session.beginPost(self) { refusePost() }
    }

    private func receive(_ request: Request) {
        keepsAlive = request.keepAlive
        if let session = postSession {
            let response = session.finishPost(request.body)
            role = .idle
            return answer(response)
        }
        guard let service = Service(path: request.rawPath) else { return answer(.error(.notFound, "Not found")) }
        do throws(EngineRequestError) {
            switch try EngineRequest(request) {
            case .open(.polling, let base64):
                let session = sessions.open(service, on: .polling, base64: base64)
                role = .poll(session)
                session.begin(on: self)
            case .open(.webSocket, let base64):
                let handshake = try handshake(request)
                let session = sessions.open(service, on: .webSocket, base64: base64)
                upgrade(handshake, session)
                session.begin(on: self)
                decodeEarlyFrames()
            case .poll(let sid):
                guard let session = session(sid, request) else { throw .unknownSession }
                role = .poll(session)
                if !session.beginPoll(self) {
                    role = .idle
                    throw .badRequest
                }
            case .post(let sid):
                guard let session = session(sid, request) else { throw .unknownSession }
                guard session.beginPost(self) else { throw .badRequest }
                answer(session.finishPost(request.body))
            case .openWebSocket(let sid, let base64):
                guard let session = session(sid, request) else { throw .unknownSession }
                let handshake = try handshake(request)
                upgrade(handshake, session)
                guard session.openWebSocket(self, base64: base64) else { return closeWebSocket() }
                decodeEarlyFrames()
            }
        } catch {
            answer(.refusal(error))
        }
    }

    private func session(_ sid: String, _ request: Request) -> Session? {
        guard let session = sessions[sid], session.service == Service(path: request.rawPath) else { return nil }
        return session
    }

    /// Answers the request, and looks at the next.
    func answer(_ response: Response) {
        if case .done = role { return }
        guard keepsAlive else { return end(response) }
        stream.send(response.encoded(keepAlive: true))
        role = .idle
        decodeRequests()
    }

    /// The session of a POST is over, or has another.
    func refusePost() { end(.refusal(.badRequest)) }

    /// Answers what can't be read on from.
    private func end(_ response: Response) {
        role = .done
        stream.send(response.encoded(keepAlive: false))
        stream.finish()
    }

    // MARK: - The websocket

    private func handshake(_ request: Request) throws(EngineRequestError) -> Handshake {
        do {
            return try Handshake(
                method: request.method.name, isHTTP11: !request.isHTTP10, upgrade: request.header("upgrade"),
                connection: request.header("connection"), key: request.header("sec-websocket-key"),
                version: request.header("sec-websocket-version"))
        } catch {
            throw .badRequest
        }
    }

    private func upgrade(_ handshake: Handshake, _ session: Session) {
        role = .webSocket(session)
        stream.send(handshake.response())
    }

    /// What the client sent right behind its handshake.
    private func decodeEarlyFrames() {
        var early = requests.takeRemainder()
        if early.isEmpty { return }
        var span = early.mutableSpan
        decodeFrames(&span)
    }

    private func decodeFrames(_ bytes: inout MutableSpan<UInt8>) {
        guard case .webSocket(let session) = role else { return }
        do throws(WebSocketError) {
            _ = try frames.decode(&bytes) { incoming, payload in
                guard case .webSocket = role else { return .proceed }
                switch incoming {
                case .text: session.received(payload, isText: true)
                case .binary: session.received(payload, isText: false)
                case .ping: stream.send(FrameEncoder.pong(payload))
                // Not agreed on here.
                case .pong, .compressed: break
                case .close(let code):
                    closeWebSocket(code)
                    session.webSocketClosed()
                }
                return .proceed
            }
        } catch {
            closeWebSocket(error.closeCode)
            session.webSocketClosed()
        }
    }

    func write(_ packet: OutgoingPacket) {
        switch packet {
        case .text(let bytes): stream.send(FrameEncoder.frame(.text, bytes.span))
        case .binary(let bytes): stream.send(FrameEncoder.frame(.binary, bytes.span))
        }
    }

    func closeWebSocket() { closeWebSocket(.normal) }

    private func closeWebSocket(_ code: CloseCode) {
        guard case .webSocket = role else { return }
        role = .done
        stream.send(FrameEncoder.close(code == .noneReceived ? .normal : code))
        stream.finish()
    }

    // MARK: - The end

    func overflowed() { stream.close() }
    func drained() {}

    func receivedEnd() {
        switch role {
        // Last bytes that have not left yet do so first.
        case .idle, .done: if stream.queuedBytes > 0 { stream.finish() } else { stream.close() }
        case .poll, .post, .webSocket: stream.close()
        }
    }

    func closed() {
        let role = role
        self.role = .done
        switch role {
        case .poll(let session): session.pollClosed()
        case .post(let session): session.postClosed()
        case .webSocket(let session): session.webSocketClosed()
        case .idle, .done: break
        }
    }
}

extension EngineRequest {
    fileprivate init(_ request: Request) throws(EngineRequestError) {
        try self.init(
            method: request.method.name, asksForWebSocket: request.lists("websocket", in: "upgrade"),
            transport: request.queryValue("transport"), version: request.queryValue("EIO"),
            sid: request.queryValue("sid"), base64: request.queryValue("b64"))
    }
}
