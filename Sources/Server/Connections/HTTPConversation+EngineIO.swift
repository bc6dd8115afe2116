import Dialects
import EventLoop
import HTTP
import SocketIO
import WebSocket

// Requests to the path of Socket.IO: what Engine.IO does with HTTP.

extension HTTPConversation {
    /// Answers a request to a path of Socket.IO.
    func answer(_ request: Request, _ mount: Mount) {
        if request.method == .options, answering.origin != nil { return respond(Response(.noContent)) }
        do throws(EngineRequestError) {
            if answering.isForeign || request.isEmbedded { throw .forbidden }
            switch try EngineRequest(request) {
            case .open where connection.arrival.isFromNode: throw .badRequest
            case .open(let transport, let base64): try open(transport, base64, request, mount)
            case .poll(let sid): if let client = try client(sid, for: request, .poll) { try wait(for: client) }
            case .post(let sid):
                if let client = try client(sid, for: request, .post) { try receive(request.body, for: client) }
            case .openWebSocket where hub.isDraining: refuseNewcomer()
            case .openWebSocket(let sid, let base64):
                if let client = try client(sid, for: request, .webSocket) {
                    let handshake = try handshake(request)
                    connection.remember(senderOf: request)
                    connection.upgrade(to: client, handshake: handshake)
                    client.openWebSocket(connection, base64: base64)
                    connection.receivedEarly(decoder.takeRemainder())
                }
            }
        } catch {
            refuse(RefusalReason(error), .refusal(error))
        }
    }

    private func open(
        _ transport: EngineTransport, _ base64: Bool, _ request: Request, _ mount: Mount
    ) throws(EngineRequestError) {
        let handshake = transport == .webSocket ? try handshake(request) : []
        if hub.isDraining { return refuseNewcomer() }
        if !admitsHandshake(request, isLasting: transport == .webSocket) { return }
        let client = hub.openClient(
            mount.name, on: transport, base64: base64,
            token: GivenToken.withOrWithoutScheme(request.header("authorization"))
                ?? GivenToken.present(request.queryValue("token")),
            from: connection.address(of: request))
        guard let client else {
            return refuse(
                .tooManyUnconnected,
                .error(.serviceUnavailable, "Too many are connecting", headers: [("Retry-After", "5")]))
        }
        switch transport {
        case .polling:
            poll = client
            client.begin(poll: self)
        case .webSocket:
            connection.upgrade(to: client, handshake: handshake)
            client.begin(webSocket: connection)
            connection.receivedEarly(decoder.takeRemainder())
        }
    }

    func handshake(_ request: Request) throws(EngineRequestError) -> [UInt8] {
        guard let handshake = try? Handshake(request) else { throw .badRequest }
        return handshake.response()
    }

    /// The client of a session. One that another loop has is not there to be had: the connection moves to that loop, with
    /// its request. Of one that another node has, that node answers the request.
    private func client(
        _ sid: String, for request: Request, _ kind: ForwardedKind
    ) throws(EngineRequestError) -> EngineClient? {
        guard let home = hub.home(of: sid) else { throw .unknownSession }
        if let node = home.node, node != hub.forwarding?.nodes.own {
            try forward(request, kind, to: home)
        } else if home.shard == hub.index {
            guard let client = hub.client(sid) else { throw .unknownSession }
            return client
        } else if home.shard < hub.shardCount {
            move(to: home.shard, with: request)
        } else {
            throw .unknownSession
        }
        return nil
    }

    private func move(to shard: UInt16, with request: Request?) {
        move = (shard, request)
        connection.stream.stopReading()
        connection.stream.tellWhenDrained()
        if connection.stream.queuedBytes == 0 { drained() }
    }

    /// Goes on with a request that came to another loop, or with the rest of one.
    func resume(_ moving: MovingConnection) {
        decoder = moving.decoder
        if let request = moving.request { return answer(request) }
        if decoder.unfinishedRequest?.expectsContinue == true { connection.stream.send(Response.continueBytes) }
        decode()
    }

    private func wait(for client: EngineClient) throws(EngineRequestError) {
        poll = client
        if !client.beginPoll(self) {
            poll = nil
            throw .badRequest
        }
        if connection.arrival.isFromNode, decoder.bufferedByteCount > 0 { poll?.releasePoll() }
    }

    /// The client has an answer to the poll.
    func answerPoll(_ payload: [UInt8]) {
        poll = nil
        respond(.payload(payload))
    }

    /// The client is over, and no packet says so.
    func refusePoll() {
        poll = nil
        refuse(.draining, .refusal(.unknownSession))
    }

    /// A payload is about to arrive: of two at a time, neither counts.
    ///
    /// - Returns: Whether it is still wanted.
    func beginPost(_ request: Request) -> Bool {
        guard post == nil, case .post(let sid)? = try? EngineRequest(request), let home = hub.home(of: sid),
            home.node == hub.forwarding?.nodes.own, home.shard < hub.shardCount
        else { return true }
        if home.shard != hub.index {
            move(to: home.shard, with: nil)
            return false
        }
        guard let client = hub.client(sid) else { return true }
        if client.beginPost(self) {
            post = client
            return true
        }
        refusePost()
        return false
    }

    private func receive(_ body: [UInt8], for client: EngineClient) throws(EngineRequestError) {
        if post == nil {
            if !client.beginPost(self) { throw .badRequest }
            post = client
        }
        if body.count > hub.engineSettings.maxPayload { return refusePayload() }
        client.finishPost(body)
    }

    func refusePayload() { fail(.bodyTooLarge, .error(.contentTooLarge, "The payload is too large")) }

    /// The payload was taken in, or was none.
    func answerPost(isAccepted: Bool) {
        post = nil
        if isAccepted { respond(.payload(Array("ok".utf8))) } else { refuse(.badRequest, .refusal(.badRequest)) }
    }

    /// The session of a POST is over before its body is here.
    func refusePost() {
        post = nil
        fail(.badRequest, .refusal(.badRequest))
    }
}

extension Request {
    /// Whether a page of another site has a browser load this like an image: without an `Origin`, and without being let
    /// see the answer. It could open sessions.
    fileprivate var isEmbedded: Bool {
        guard header("origin") == nil, let site = header("sec-fetch-site") else { return false }
        return site != "same-origin" && site != "none"
    }
}

extension EngineRequest {
    fileprivate init(_ request: Request) throws(EngineRequestError) {
        try self.init(
            method: request.method.name, asksForWebSocket: request.lists("websocket", in: "upgrade"),
            transport: request.queryValue("transport"), version: request.queryValue("EIO"),
            // One that is no text names no session, but it is there.
            sid: request.hasQueryValue("sid") ? request.queryValue("sid") ?? "?" : nil,
            base64: request.queryValue("b64"))
    }
}

extension RefusalReason {
    fileprivate init(_ error: EngineRequestError) {
        self =
            switch error {
            case .unknownTransport, .badHandshakeMethod, .unsupportedVersion: .badHandshake
            case .unknownSession: .unknownSession
            case .badRequest: .badRequest
            case .forbidden: .originNotAllowed
            }
    }
}

extension Response {
    /// What a poll or a POST gets.
    fileprivate static func payload(_ body: [UInt8]) -> Response {
        let headers: [Header] = [("Content-Type", "text/plain; charset=UTF-8"), ("Cache-Control", "no-store")]
        return Response(.ok, headers: headers, body: body)
    }

    static func refusal(_ error: EngineRequestError) -> Response {
        .json(error == .forbidden ? .forbidden : .badRequest, error.body)
    }
}
