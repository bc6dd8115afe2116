import Chat
import EventLoop
import HTTP

/// A connection to another node: it carries one request after the other, or a WebSocket.
final class NodeConnection: Carrier, SocketStreamDelegate {
    private let forwarding: Forwarding
    private let home: SessionID.Home
    private var phase: Phase
    private var stream: SocketStream?
    private var decoder: ResponseDecoder
    private var isCounted = false
    /// Whether the other node has answered on it before, and whether it has begun to answer now.
    private var isUsed = false
    private var hasBegun = false
    /// Whether the poll's answer was asked for.
    private var isReleased = false
    /// The tick by which there must be an answer.
    private var patience: UInt32 = .max

    private enum Phase {
        case dialing(Dialing?, ForwardedRequest)
        case asking(ForwardedRequest)
        case resting
        /// What comes from either side goes to the other.
        case spliced(Connection)
        /// The client's side has ended; what it sent last is on its way.
        case leaving
        case gone
    }

    /// How much may wait for one side before no more is read from the other.
    private static let queueLimit = 262_144
    /// How long it may rest: shorter than the other node waits.
    private static let rest = 15 * DeadlineWheel.resolution
    /// How much longer than the other node takes at the most is waited for its answer.
    private static let slack = 5 * DeadlineWheel.resolution
    private static let connectPatience = 3 * DeadlineWheel.resolution
    /// How often is looked whether the other node is there still.
    private static let look = 2 * DeadlineWheel.resolution

    init(_ id: ConnectionID, _ request: ForwardedRequest, of forwarding: Forwarding, _ hub: Hub) {
        self.forwarding = forwarding
        home = request.home
        phase = .dialing(nil, request)
        decoder = ResponseDecoder(limits: hub.answerLimits)
        super.init(id, of: hub)
    }

    // MARK: - Asking

    func dial(_ address: SocketAddress) {
        guard case .dialing(_, let request) = phase else { return }
        let dialing = Dialing(to: .tcp(host: address.host, port: address.port), on: hub.loop) { [self] result in
            connected(result)
        }
        phase = .dialing(dialing, request)
        setDeadline(hub.wheel.now + Self.connectPatience)
    }

    private func connected(_ result: Result<SocketStream, IOError>) {
        guard case .dialing(_, let request) = phase else { return }
        guard case .success(let stream) = result else { return fail(.unreachable) }
        self.stream = stream
        isCounted = true
        stream.delegate = self
        stream.noticeSilence()
        if hub.admissions.enter(from: nil, descriptor: stream.descriptorNumber) == .overrun { return fail(.tooMany) }
        stream.startReading()
        ask(request)
        if hub.isStopping { release() }
    }

    func ask(_ request: ForwardedRequest) {
        phase = .asking(request)
        hasBegun = false
        stream?.send(request.bytes)
        patience = hub.wheel.now + hub.rhythm.interval + hub.rhythm.patience + Self.slack
        setDeadline(min(patience, hub.wheel.now + Self.look))
    }

    /// Asks for the answer to a poll, be it empty: an empty line says so.
    func release() {
        guard case .asking(let request) = phase, request.kind == .poll, !isReleased else { return }
        isReleased = true
        stream?.send(Array("\r\n".utf8))
    }

    /// The client is gone.
    func cancel() {
        if takeRequest() != nil { abort() }
    }

    /// The request under way, which is so no more.
    private func takeRequest() -> ForwardedRequest? {
        switch phase {
        case .dialing(let dialing, let request):
            dialing?.cancel()
            phase = .gone
            _ = forwarding.finished(self, to: home, mayRest: false)
            if stream == nil { hub.remove(self) }
            return request
        case .asking(let request):
            phase = .gone
            _ = forwarding.finished(self, to: home, mayRest: false)
            return request
        case .resting, .spliced, .leaving, .gone: return nil
        }
    }

    private func fail(_ reason: ForwardFailure) {
        guard let request = takeRequest() else { return }
        abort()
        // It may have left just when there was something for it again. A payload may have been taken all the same.
        if reason == .lost, isUsed, !hasBegun, !hub.isStopping, request.kind != .post {
            return request.conversation.askAgain(request)
        }
        forwarding.failed(reason, home)
        request.conversation.forwardingFailed()
    }

    // MARK: - From the stream

    func received(_ bytes: inout MutableSpan<UInt8>) {
        switch phase {
        case .asking(let request):
            hasBegun = true
            decoder.append(bytes.span)
            do throws(HTTPError) {
                if let answer = try decoder.next() { received(answer, to: request) }
            } catch {
                fail(.badAnswer)
            }
        case .spliced(let connection): pass(bytes.span.copy, to: connection)
        case .resting: stream?.close()
        case .dialing, .leaving, .gone: break
        }
    }

    private func received(_ answer: ResponseDecoder.Answer, to request: ForwardedRequest) {
        if answer.response.status == .switchingProtocols {
            guard request.kind == .webSocket else { return fail(.badAnswer) }
            phase = .spliced(request.conversation.connection)
            patience = .max
            return request.conversation.splice(self, answer.response, early: decoder.takeRemainder())
        }
        // The other node does not take this one for one of its cluster.
        if answer.response.status == .forbidden { return fail(.refused) }
        isUsed = true
        let mayRest = answer.keepsAlive && decoder.isIdle && !isReleased
        if forwarding.finished(self, to: home, mayRest: mayRest) {
            phase = .resting
            setDeadline(hub.wheel.now + Self.rest)
        } else {
            phase = .gone
            stream?.close()
        }
        request.conversation.answerForwarded(answer.response)
    }

    /// The other node has said all.
    func receivedEnd() { stream?.close() }

    override func overflowed() {}

    func closed() {
        if isCounted { hub.admissions.leave(from: nil) }
        hub.remove(self)
        switch phase {
        case .dialing, .asking: fail(.lost)
        case .resting: forwarding.forget(self, to: home)
        case .spliced(let connection):
            phase = .gone
            _ = forwarding.finished(self, to: home, mayRest: false)
            // What it sent still reaches the client.
            connection.linger()
        case .leaving, .gone: break
        }
    }

    // MARK: - A WebSocket

    /// Passes on what the client sent. While it waits, nothing more is read.
    func relay(_ bytes: [UInt8]) {
        guard case .spliced(let connection) = phase, let stream else { return }
        stream.send(bytes)
        if stream.queuedBytes > Self.queueLimit {
            connection.stream.stopReading()
            stream.tellWhenDrained()
        }
    }

    func drained() {
        if case .spliced(let connection) = phase, !connection.isLeaving { connection.stream.startReading() }
    }

    private func pass(_ bytes: [UInt8], to connection: Connection) {
        connection.stream.send(bytes)
        if connection.stream.queuedBytes > Self.queueLimit {
            stream?.stopReading()
            connection.stream.tellWhenDrained()
        }
    }

    func clientDrained() { stream?.startReading() }

    /// The client's side is over.
    func clientEnded() {
        guard case .spliced = phase else { return }
        phase = .leaving
        _ = forwarding.finished(self, to: home, mayRest: false)
        leave()
    }

    /// Passes on what was read, and lets go; the other node takes its leave of the client, if that is there.
    func leave() {
        stream?.finish()
        stream?.startReading()
        patience = hub.wheel.now + hub.ticks.linger
        setDeadline(patience)
    }

    // MARK: - The end

    override func stopServing() {
        switch phase {
        case .resting: abort()
        case .asking: release()
        case .dialing, .spliced, .leaving, .gone: break
        }
    }

    override func abort() {
        if let stream { stream.close() } else { _ = takeRequest() }
    }

    override func timePassed() {
        switch phase {
        case .dialing: fail(.unreachable)
        case .asking where hub.wheel.now >= patience: fail(.tooLate)
        case .asking where !forwarding.knows(home): fail(.unknownNode)
        case .spliced where hub.wheel.now < patience && forwarding.knows(home), .asking:
            setDeadline(min(patience, hub.wheel.now + Self.look))
        case .resting, .spliced, .leaving, .gone: abort()
        }
    }
}
