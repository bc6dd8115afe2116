import EventLoop
import HTTP
import WebSocket

/// The WebSocket module alone, as an echo on every path of one port of 127.0.0.1, for conformance suites from
/// elsewhere: every message comes back as it was. Runs in the foreground until it is interrupted.
///
///     EchoFixture PORT
@main
struct EchoFixture {
    static let maximumMessageLength = 16 << 20

    static func main() async throws {
        guard CommandLine.arguments.count == 2,
            let address = SocketAddress("127.0.0.1:\(CommandLine.arguments[1])")
        else { fatalError("usage: EchoFixture PORT") }
        System.ignoreBrokenPipes()
        let (bound, sockets) = try BoundSocket.tcp(address, count: 1)
        let loop = EventLoop()
        loop.submit {
            do {
                _ = try Listener(sockets[0], on: loop) { stream, _ in EchoConnection(stream).start() }
                print("listening on \(bound)")
            } catch {
                fatalError("cannot listen on \(bound): \(error)")
            }
        }
        for await _ in System.signals([2, 15]) { break }
    }
}

/// One connection: a handshake, then an echo.
private final class EchoConnection: SocketStreamDelegate {
    private let stream: SocketStream
    private var requests: RequestDecoder? = RequestDecoder()
    private var decoder = MessageDecoder(maximumMessageLength: EchoFixture.maximumMessageLength)
    private var isClosing = false
    private var deflater: Deflater?
    private var inflater: Inflater?

    init(_ stream: SocketStream) { self.stream = stream }

    func start() {
        stream.delegate = self
        stream.startReading()
    }

    func received(_ bytes: inout MutableSpan<UInt8>) {
        if requests == nil { return echo(&bytes) }
        requests?.append(bytes.span)
        do {
            guard case .request(let request)? = try requests?.next() else { return }
            let handshake = try Handshake(
                method: request.method.name, isHTTP11: !request.isHTTP10, upgrade: request.header("upgrade"),
                connection: request.header("connection"), key: request.header("sec-websocket-key"),
                version: request.header("sec-websocket-version"))
            let compression = agree(request.header("sec-websocket-extensions"))
            stream.send(handshake.response(extensions: compression?.header))
            var early = requests?.takeRemainder() ?? []
            requests = nil
            if !early.isEmpty {
                var span = early.mutableSpan
                echo(&span)
            }
        } catch {
            stream.send(Response.error(.badRequest, "\(error)").encoded(keepAlive: false))
            stream.finish()
        }
    }

    /// With all contexts that the client allows.
    private func agree(_ offer: String?) -> Compression? {
        var preferences = Compression.Preferences()
        preferences.keepsContext = true
        guard let agreed = Compression(offeredBy: offer, preferences) else { return nil }
        deflater = Deflater(level: 6, windowBits: agreed.serverWindowBits, keepsContext: agreed.serverKeepsContext)
        inflater = Inflater(windowBits: agreed.clientWindowBits, keepsContext: agreed.clientKeepsContext)
        decoder = MessageDecoder(maximumMessageLength: EchoFixture.maximumMessageLength, allowsCompression: true)
        return agreed
    }

    private func echoCompressed(_ payload: Span<UInt8>, isText: Bool) {
        guard let inflater, let deflater else { return }
        do throws(WebSocketError) {
            let message = try inflater.inflate(payload, limit: EchoFixture.maximumMessageLength)
            var validator = UTF8Validator()
            if isText, validator.firstInvalidIndex(in: message.span) != nil || !validator.isComplete {
                throw .invalidUTF8
            }
            let answer = deflater.deflate(message.span)
            stream.send(FrameEncoder.frame(isText ? .text : .binary, answer.span, isCompressed: true))
        } catch {
            close(error.closeCode)
        }
    }

    private func echo(_ bytes: inout MutableSpan<UInt8>) {
        if isClosing { return }
        do {
            _ = try decoder.decode(&bytes) { kind, payload in
                switch kind {
                case .text: stream.send(FrameEncoder.frame(.text, payload))
                case .binary: stream.send(FrameEncoder.frame(.binary, payload))
                case .compressed(let isText): echoCompressed(payload, isText: isText)
                case .ping: stream.send(FrameEncoder.pong(payload))
                case .pong: break
                case .close(let code): close(code)
                }
                return .proceed
            }
        } catch {
            close(error.closeCode)
        }
        // Who does not read is not read from.
        if stream.queuedBytes > EchoFixture.maximumMessageLength {
            stream.stopReading()
            stream.tellWhenDrained()
        }
    }

    private func close(_ code: CloseCode) {
        isClosing = true
        stream.send(FrameEncoder.close(code))
        stream.finish()
    }

    func overflowed() {}
    func drained() { stream.startReading() }
    func receivedEnd() { stream.close() }
    func closed() {}
}
