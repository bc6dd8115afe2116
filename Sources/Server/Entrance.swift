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
        setDeadline(hub.wheel.now + hub.ticks.head)
        stream.delegate = self
        stream.startReading()
    }

    func received(_ bytes: inout MutableSpan<UInt8>) {
        if isRefused { return }
        for index in bytes.indices { early.append(bytes[index]) }
        do throws(ProxyHeaderError) {
            guard let header = try ProxyHeader.parse(early.span) else { return }
            hub.remove(self)
            // Its part is over, also where the connection is closed at once.
            stream.delegate = nil
            hub.admit(
                stream, Arrival(isProxied: true, source: header.source), early: Array(early[header.length...]))
        } catch {
            hub.log.warning("a trusted proxy sent no PROXY header", ["address": stream.peerAddress])
            isRefused = true
            let refusal = Response.error(.badRequest, "A PROXY header must come first")
            stream.send(refusal.encoded(keepAlive: false, date: hub.date))
            stream.finish()
            setDeadline(hub.wheel.now + hub.ticks.linger)
        }
    }

    func receivedEnd() { stream.close() }
    func drained() {}
    func closed() { hub.remove(self) }

    override func timePassed() { stream.close() }
    override func stopServing() { stream.close() }
    override func abort() { stream.close() }
}
