import Chat
import Cluster
import HTTP
import SocketIO
import WebSocket

// Requests for sessions that other nodes have, and those that other nodes pass on.

extension HTTPConversation {
    /// Has the node answer that has the session.
    func forward(_ request: Request, _ kind: ForwardedKind, to home: SessionID.Home) throws(EngineRequestError) {
        guard let forwarding = hub.forwarding, !connection.arrival.isFromNode else { throw .unknownSession }
        switch kind {
        case .poll: break
        case .post where request.body.count > hub.engineSettings.maxPayload: return refusePayload()
        case .post: break
        // One that is none is not passed on.
        case .webSocket: _ = try handshake(request)
        }
        hub.meter.forwarded(kind)
        ask(
            ForwardedRequest(
                kind: kind, home: home, conversation: self,
                bytes: request.forwarded(from: connection.address(of: request), with: forwarding.key)))
    }

    private func ask(_ request: ForwardedRequest) {
        guard let forwarding = hub.forwarding else { return }
        switch forwarding.ask(request) {
        case .success(let connection): forwarded = connection
        case .failure(let reason):
            forwarding.failed(reason, request.home)
            forwardingFailed()
        }
    }

    /// Does so on another connection: the one that was there had ended.
    func askAgain(_ request: ForwardedRequest) {
        forwarded = nil
        ask(request)
    }

    /// The other node has answered.
    func answerForwarded(_ response: Response) {
        forwarded = nil
        // The rest is this node's to say.
        let headers = response.headers.filter { ["content-type", "cache-control", "retry-after"].contains($0.name) }
        respond(Response(response.status, headers: headers, body: response.body))
    }

    /// The other node has not, and it is not known whether it will ever: the client is to begin anew.
    func forwardingFailed() {
        forwarded = nil
        refuse(.unknownSession, .refusal(.unknownSession))
    }

    /// The other node has opened the websocket.
    ///
    /// - Parameter early: What came from it already.
    func splice(_ node: NodeConnection, _ response: Response, early: [UInt8]) {
        forwarded = nil
        let headers = response.headers.filter {
            ["upgrade", "connection"].contains($0.name) || $0.name.hasPrefix("sec-websocket-")
        }
        let head = Response(.switchingProtocols, headers: headers).encoded(keepAlive: true)
        connection.splice(to: node, head + early, early: decoder.takeRemainder())
    }

    // MARK: - From other nodes

    /// Answers what another node has passed on; nothing else is answered on its connection.
    func answerNode(_ request: Request) {
        guard isFromNode(request) else { return }
        guard case .found(.socketIO(let mount), _) = hub.router.match(request) else {
            return refuse(.notFound, .error(.notFound, "Not found"))
        }
        answer(request, mount)
    }

    /// Whether another node has passed a request on; otherwise its connection ends.
    func isFromNode(_ request: Request) -> Bool {
        guard let forwarding = hub.forwarding else { return false }
        do throws(Voucher.Refusal) {
            let voucher = try Voucher(
                request.header(Voucher.header), method: request.method.name, target: request.target, at: .now,
                key: forwarding.key)
            connection.remember(sender: voucher.address)
            return true
        } catch {
            forwarding.refused(error, from: connection.sender)
            connection.respond(.error(.forbidden, "Only nodes of the cluster are answered here"), keepAlive: false)
            connection.linger()
            return false
        }
    }
}

extension Int64 {
    /// Seconds since 1970.
    fileprivate static var now: Int64 { Timestamp.now.microseconds / 1_000_000 }
}

extension Request {
    /// The request as another node gets it: what it needs, and who is behind it.
    fileprivate func forwarded(from address: String, with key: [UInt8]) -> [UInt8] {
        let target = rawPath + (query.map { "?" + $0 } ?? "")
        let voucher = Voucher(address: address).text(method: method.name, target: target, at: .now, key: key)
        var head = "\(method.name) \(target) HTTP/1.1\r\nHost: node\r\n\(Voucher.header): \(voucher)\r\n"
        let names = [
            "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol",
            "Sec-WebSocket-Extensions",
        ]
        if lists("websocket", in: "upgrade") {
            for name in names { if let value = header(name) { head += "\(name): \(value)\r\n" } }
        }
        if !body.isEmpty || method == .post { head += "Content-Length: \(body.count)\r\n" }
        return Array((head + "\r\n").utf8) + body
    }
}
