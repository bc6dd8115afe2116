import Chat
import EventLoop
import HTTP
import Proxying

/// A connection of a trusted proxy that has yet to say whom it speaks for.
final class Entrance: Carrier, SocketStreamDelegate {
    private let stream: SocketStream
    private var early: [UInt8] = []
    private var isRefused = false

    init(_ id: ConnectionID, _ stream: SocketStream, of hub: Hub) {
        self.stream = stream
        super.init(id, of: hub)
    }

    func start() {
        // One too many is told so with its first request.
        if hub.admissions.enter(from: nil, descriptor: stream.descriptorNumber) == .overrun {
            hub.note(.nodeIsFull)
            closed()
            return stream.close()
        }
        setDeadline(hub.wheel.now + hub.ticks.head)
        stream.delegate = self
        stream.startReading()
    }

    func received(_ bytes: inout MutableSpan<UInt8>) {
        if isRefused { return }
        for index in bytes.indices { early.append(bytes[index]) }
        do throws(ProxyHeaderError) {
            guard let header = try ProxyHeader.parse(early.span) else { return }
            closed()
            // Its part is over, also where the connection is closed at once.
            stream.delegate = nil
            hub.admit(
                stream, Arrival(isProxied: true, source: header.source), early: Array(early[header.length...]))
        } catch {
            hub.hasNoProxyHeader(stream.peerAddress)
            isRefused = true
            let refusal = Response.error(.badRequest, "A PROXY header must come first")
            stream.send(refusal.encoded(keepAlive: false, date: hub.date))
            stream.finish()
            setDeadline(hub.wheel.now + hub.ticks.linger)
        }
    }

    func receivedEnd() { stream.close() }
    func drained() {}
    func closed() {
        hub.admissions.leave(from: nil)
        hub.remove(self)
    }

    override func timePassed() { stream.close() }
    override func stopServing() { stream.close() }
    override func abort() { stream.close() }
}
