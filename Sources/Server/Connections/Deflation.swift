import WebSocket

/// How the messages of one WebSocket are compressed, where that was agreed on. Without contexts, all connections of a
/// loop share its deflater and inflater, and a broadcast is compressed once for all of them.
final class Deflation {
    private let agreed: Compression
    private unowned let hub: Hub
    /// This connection's own, where a context is kept; made when the first message needs it.
    private lazy var deflater = Deflater(
        level: hub.settings.deflateLevel, windowBits: agreed.serverWindowBits, keepsContext: true)
    private lazy var inflater = Inflater(windowBits: agreed.clientWindowBits, keepsContext: true)

    /// What the client's messages may still become. A kilobyte becomes a megabyte, so that one client could keep the
    /// loop busy with what costs it nothing.
    private var allowance: Allowance
    /// Whether that is used up: the client is not read from until it is not.
    var isExhausted: Bool { allowance.bytes < 0 }

    init(_ agreed: Compression, of hub: Hub) {
        allowance = Allowance(at: hub.milliseconds)
        self.agreed = agreed
        self.hub = hub
    }

    /// How long a message may be that was compressed for everybody: one that is shorter than the window refers to nothing
    /// outside of it.
    var sharedLength: Int {
        if agreed.serverKeepsContext { return 0 }
        return agreed.serverWindowBits == 15 ? .max : 1 << agreed.serverWindowBits
    }

    /// Whether each message of the client has to be inflated, so that later ones can refer to it.
    var needsAll: Bool { agreed.clientKeepsContext }

    /// A frame as it is sent: compressed, if it is a text that is worth it.
    func deflate(_ frame: [UInt8]) -> [UInt8] {
        guard FrameEncoder.isPlainText(frame) else { return frame }
        let payload = FrameEncoder.payload(of: frame)
        guard payload.count >= hub.settings.deflateThreshold else { return frame }
        if agreed.serverKeepsContext {
            return FrameEncoder.frame(.text, deflater.deflate(payload.span).span, isCompressed: true)
        }
        return payload.count <= sharedLength ? hub.deflate(frame) : frame
    }

    /// What a compressed message stands for.
    func inflate(_ payload: Span<UInt8>) throws(WebSocketError) -> [UInt8] {
        let inflater = agreed.clientKeepsContext ? inflater : hub.inflater
        let message = try inflater.inflate(payload, limit: hub.settings.maxMessage)
        allowance.take(message.count, of: payload.count)
        if isExhausted { allowance.refill(at: hub.milliseconds) }
        return message
    }

    /// Time has passed.
    func refill() { allowance.refill(at: hub.milliseconds) }

    /// How many bytes one connection's messages may become: so many at once, and as many a second.
    struct Allowance {
        static let limit = 16 << 20
        /// What a compressed byte counts for at least: blocks may be empty, and are as much work.
        static let leastOfByte = 8
        fileprivate(set) var bytes = limit
        private var filledAt: UInt32

        /// - Parameter now: Milliseconds; it may wrap around.
        init(at now: UInt32) { filledAt = now }

        /// Inflates something.
        mutating func take(_ count: Int, of compressed: Int) { bytes -= max(count, compressed * Self.leastOfByte) }

        mutating func refill(at now: UInt32) {
            bytes = min(Self.limit, bytes + Int(now &- filledAt) * (Self.limit / 1000))
            filledAt = now
        }
    }
}
