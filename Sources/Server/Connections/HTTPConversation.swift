import Chat
import Dialects
import EventLoop
import HTTP
import WebSocket

/// The HTTP part of a connection: requests are answered one after the other, in order.
final class HTTPConversation {
    let connection: Connection
    let hub: Hub
    /// Who is at the other end of the connection.
    let sender: String
    var decoder: RequestDecoder
    private(set) var isAnswering = false
    /// The client whose poll waits here, and the one whose payload is arriving.
    var poll, post: EngineClient?
    /// The connection to the node that answers the request under way.
    var forwarded: NodeConnection?
    /// Where the connection goes, with the request that was read if it was read whole, once all has left that was sent.
    var move: (shard: UInt16, request: Request?)?
    private var isDecoding = false
    /// How much may wait for a client before its next request is looked at.
    private static let queueLimit = 65_536
    /// What waited for the client when it was last looked at.
    private var unsent = 0
    /// Whether the answer that is being sent is the last.
    private var isEnding = false
    /// What of the request under way the answer goes by; it is foreign where a page asks that may not use the server.
    var answering: (isHead: Bool, keepAlive: Bool, origin: String?, isForeign: Bool) = (false, false, nil, false)

    /// The tick by which the peer must have come further.
    private(set) var deadline: UInt32
    private var awaited = Awaited.request

    private enum Awaited { case request, head, body }

    init(on connection: Connection, from sender: String, of hub: Hub) {
        self.connection = connection
        self.sender = sender
        self.hub = hub
        decoder = RequestDecoder(limits: hub.httpLimits)
        // A new connection owes its first request no later than any head.
        deadline = hub.wheel.now + (connection.surplus == nil ? hub.ticks.head : hub.ticks.linger)
    }

    func received(_ bytes: Span<UInt8>) {
        decoder.append(bytes)
        // A poll waits long, and reading on tells when its client has gone.
        if isAnswering, decoder.bufferedByteCount > Self.queueLimit { connection.stream.stopReading() }
        // That is how a node asks for it.
        if connection.arrival.isFromNode { poll?.releasePoll() }
        decode()
    }

    func decode() {
        // An answer that is ready at once comes back here; the loop under way goes on by itself.
        if isDecoding { return }
        isDecoding = true
        defer { isDecoding = false }
        do throws(HTTPError) {
            while !isAnswering, move == nil, connection.conversation === self {
                if connection.stream.queuedBytes > Self.queueLimit {
                    connection.stream.stopReading()
                    connection.stream.tellWhenDrained()
                    return
                }
                switch try decoder.next() {
                case .needMoreHead: return expect(decoder.isIdle ? .request : .head)
                case .needMoreBody:
                    if admitsBody() { expect(.body) }
                    return
                case .sendContinue: if admitsBody() { connection.stream.send(Response.continueBytes) }
                case .request(let request): answer(request)
                }
            }
        } catch {
            fail(error.status == .contentTooLarge ? .bodyTooLarge : .malformedRequest, .error(error))
        }
    }

    /// The client has read what it was sent.
    func drained() {
        if isEnding { return connection.linger() }
        if let move { return connection.move(to: move.shard, with: move.request, decoder) }
        connection.stream.startReading()
        decode()
        if connection.conversation === self { connection.setDeadline(deadline) }
    }

    /// The connection is gone, or nothing of what it says counts any more.
    func closed() {
        poll.take()?.pollClosed()
        post.take()?.postClosed()
        forwarded.take()?.cancel()
    }

    /// A body is about to arrive.
    ///
    /// - Returns: Whether it is wanted; otherwise the connection ends.
    private func admitsBody() -> Bool {
        guard let request = decoder.unfinishedRequest else { return true }
        if connection.arrival.isFromNode { return isFromNode(request) }
        if case .found(.socketIO, _) = hub.router.match(request), hub.allows(host: request.host),
            isFromAllowedOrigin(request)
        {
            return beginPost(request)
        }
        // The decoder lets as much through as a payload of Socket.IO may have.
        if Int(request.header("content-length") ?? "") ?? 0 <= hub.settings.maxBody { return true }
        refuseBody()
        return false
    }

    private func refuseBody() { fail(.bodyTooLarge, .error(.contentTooLarge, "The body is too large.")) }

    /// Answers what can't be read on from.
    func fail(_ reason: RefusalReason, _ response: Response) {
        hub.note(reason)
        connection.respond(response, keepAlive: false)
        connection.linger()
    }

    // MARK: - Answering

    func answer(_ request: Request) {
        awaited = .request
        deadline = .max
        let origin = request.header("origin")
        let isForeign = !isFromAllowedOrigin(request)
        answering = (request.method == .head, request.keepAlive, isForeign ? nil : origin, isForeign)
        isAnswering = true
        if connection.arrival.isFromNode { return answerNode(request) }
        let route = hub.router.match(request)
        if isTurnedAway(from: route) { return }
        switch route {
        case .found(let route, _) where !isServed(request, by: route):
            refuse(.unknownHost, .error(.misdirectedRequest, "This host is not served here"))
        case .found(.webSocket(let mounts), let parameters): upgrade(request, mounts, parameters)
        case .found(.socketIO(let mount), _): answer(request, mount)
        case .found(.api, _) where answering.isForeign:
            // Without this, a foreign page could have a browser of this machine post what needs no preflight.
            refuse(.originNotAllowed, .error(.forbidden, "Origin not allowed"))
        case .found(.api(let endpoint), let parameters): call(endpoint, request, parameters)
        case .methodNotAllowed(let allow):
            if request.method == .options, answering.origin != nil { return respond(Response(.noContent)) }
            refuse(
                .methodNotAllowed,
                .error(.methodNotAllowed, "Method not allowed", headers: [("Allow", allow.joined(separator: ", "))]))
        case .notFound: refuse(.notFound, .error(.notFound, "Not found"))
        }
    }

    /// Whether a request is for a host that there may be. Health may be asked by any name: probes have their own.
    private func isServed(_ request: Request, by route: Route) -> Bool {
        if case .api(let endpoint) = route, endpoint.isForAnyHost { return true }
        return connection.arrival.isLocal || hub.allows(host: request.host)
    }

    /// Whether the page that a browser sends this for may use the server.
    func isFromAllowedOrigin(_ request: Request) -> Bool {
        guard let origin = request.header("origin") else { return true }
        return hub.allows(
            Origins.Question(
                origin: origin, host: request.host, isSecure: connection.isSecure(request),
                isForwarded: connection.isForwarded(request)))
    }

    /// Answers the request under way with an error.
    func refuse(_ reason: RefusalReason, _ response: Response) {
        hub.note(reason)
        respond(response)
    }

    private func call(_ endpoint: API.Endpoint, _ request: Request, _ parameters: [String]) {
        if request.body.count > hub.settings.maxBody { return refuseBody() }
        connection.stream.stopReading()
        let call = API.Call(
            endpoint: endpoint, request: request, parameters: parameters, isLocal: connection.arrival.isLocal,
            isProxied: connection.arrival.isProxied, address: connection.address(of: request))
        let (id, api, shard) = (connection.id, hub.api, hub.shard)
        Task { await shard.answer(call, with: api, for: id) }
    }

    /// Sends the answer to the request under way, and goes on with the next.
    func respond(_ response: Response) {
        guard isAnswering else { return }
        isAnswering = false
        var response = response
        response.headers.append(("Vary", "Origin"))
        // Without credentials: there are none that a browser would add by itself.
        if let origin = answering.origin {
            response.headers += [
                ("Access-Control-Allow-Origin", origin),
                ("Access-Control-Allow-Methods", "GET, POST, DELETE"),
                ("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, X-CSRFToken"),
                ("Access-Control-Expose-Headers", "Retry-After"), ("Access-Control-Max-Age", "600"),
            ]
        }
        let keepAlive = answering.keepAlive && !hub.isStopping
        connection.respond(response, keepAlive: keepAlive, headOnly: answering.isHead)
        unsent = connection.stream.unsentBytes
        isEnding = !keepAlive
        if isEnding, unsent <= Self.queueLimit { return connection.linger() }
        expect(.request)
        connection.stream.startReading()
        decode()
        if connection.conversation === self { connection.setDeadline(deadline) }
    }

    // MARK: - Upgrading

    private func upgrade(_ request: Request, _ mounts: [Mount], _ parameters: [String]) {
        let handshake: Handshake
        do {
            handshake = try Handshake(request)
        } catch {
            let status = Status(rawValue: error.status) ?? .badRequest
            return refuse(.badHandshake, .error(status, error.reason, headers: error.headers))
        }
        if answering.isForeign { return refuse(.originNotAllowed, .error(.forbidden, "Origin not allowed")) }
        if hub.isDraining { return refuseNewcomer() }
        if !admitsHandshake(request, isLasting: true) { return }
        let token = GivenToken.present(request.queryValue("token"))
        let chosen = mounts.choose(request, rules: hub.settings.dialectRules, hasToken: token != nil)
        let compression =
            hub.settings.deflate
            ? Compression(offeredBy: request.header("sec-websocket-extensions"), hub.compressionPreferences) : nil
        let opening = Connection.Opening(
            mounts: chosen, room: parameters.first.flatMap { RoomName($0) },
            handshake: handshake.response(extensions: compression?.header), compression: compression,
            isForwarded: connection.isForwarded(request))
        connection.upgrade(opening, token: token, early: decoder.takeRemainder())
    }

    /// Whoever comes while the server goes is to try again when the next one may be there.
    func refuseNewcomer() {
        refuse(
            .draining,
            .error(
                .serviceUnavailable, "The server is restarting",
                headers: [("Retry-After", String(hub.secondsToRestart))]))
    }

    // MARK: - Time

    private func expect(_ next: Awaited) {
        if next == awaited, next != .request { return }
        awaited = next
        let patience =
            switch next {
            case .request: hub.ticks.keepalive
            case .head: hub.ticks.head
            case .body: hub.ticks.body
            }
        deadline = hub.wheel.now + patience
    }

    func timePassed() {
        switch awaited {
        case .request:
            let unsent = connection.stream.unsentBytes
            guard unsent > 0, unsent < self.unsent else { return connection.abort() }
            // It still reads an answer; it rests from the end of that on.
            self.unsent = unsent
            connection.stream.tellWhenDrained()
            deadline = hub.wheel.now + hub.ticks.keepalive
        case .head, .body: fail(.requestTimeout, .error(.requestTimeout, "The request took too long"))
        }
    }
}

extension Handshake {
    /// The handshake that a request asks for.
    ///
    /// One with a body is refused: where its frames begin, a proxy in front may see otherwise.
    init(_ request: Request) throws(HandshakeError) {
        guard request.body.isEmpty, request.header("transfer-encoding") == nil else { throw .hasBody }
        try self.init(
            method: request.method.name, isHTTP11: !request.isHTTP10, upgrade: request.header("upgrade"),
            connection: request.header("connection"), key: request.header("sec-websocket-key"),
            version: request.header("sec-websocket-version"))
    }
}
