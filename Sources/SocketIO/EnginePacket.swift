/// One packet of Engine.IO 4, seen in the bytes that it came in: those of a message of a websocket, or of a whole
/// polling payload.
package struct EnginePacket: Equatable, Sendable {
    /// What a packet is for; the raw value is its digit on the wire.
    package enum Kind: UInt8, Sendable {
        case open, close, ping, pong, message, upgrade, noop

        /// The digit that a text packet begins with.
        package var digit: UInt8 { UInt8(ascii: "0") + rawValue }
    }

    /// How the data stands in the bytes.
    package enum Encoding: Sendable {
        case text
        case binary
        /// Binary data in a text: standard base64 with its padding.
        case base64
    }

    package let kind: Kind
    package let encoding: Encoding
    /// Where the data is, as it was sent.
    package let data: Range<Int>

    /// Reads one text packet.
    ///
    /// - Parameters:
    ///   - bytes: What it came in: UTF-8.
    ///   - range: Where it is, from its first character on; all of `bytes` if not given.
    package init(text bytes: Span<UInt8>, in range: Range<Int>? = nil) throws(EngineError) {
        let range = range ?? 0..<bytes.count
        guard !range.isEmpty else { throw .notAPacket }
        let first = bytes[range.lowerBound]
        data = range.lowerBound + 1..<range.upperBound
        if first == UInt8(ascii: "b") {
            guard Base64.isWellFormed(bytes.extracting(data)) else { throw .notBase64 }
            (kind, encoding) = (.message, .base64)
        } else {
            guard first >= UInt8(ascii: "0"), let kind = Kind(rawValue: first - UInt8(ascii: "0")) else {
                throw .notAPacket
            }
            (self.kind, encoding) = (kind, .text)
        }
    }

    /// A binary message of a websocket: all of it is data.
    package init(binary bytes: Span<UInt8>) {
        (kind, encoding, data) = (.message, .binary, 0..<bytes.count)
    }

    /// Whether the data is text.
    package var isText: Bool { encoding == .text }

    /// Lends the data, decoded; only base64 makes a copy.
    ///
    /// - Parameter bytes: What the packet was read from.
    package func withData<Result, E: Error>(
        in bytes: Span<UInt8>, _ body: (Span<UInt8>) throws(E) -> Result
    ) throws(E) -> Result {
        switch encoding {
        case .text, .binary: return try body(bytes.extracting(data))
        case .base64:
            let decoded = Base64.decode(bytes.extracting(data))
            return try body(decoded.span)
        }
    }

    /// Whether this is exactly that packet, such as a probe.
    func isText(_ kind: Kind, _ text: StaticString, in bytes: Span<UInt8>) -> Bool {
        guard self.kind == kind, encoding == .text, data.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { text in
            data.indices.allSatisfy { unsafe bytes[$0] == text[$0 - data.lowerBound] }
        }
    }
}

/// One packet on its way to a client, whatever carries it. Its bytes can be part of something larger that many share.
package enum OutgoingPacket: Equatable, Sendable {
    /// A whole text packet, its digit included.
    case text(ArraySlice<UInt8>)
    /// The data of a binary message.
    case binary(ArraySlice<UInt8>)

    /// A packet without data.
    init(_ kind: EnginePacket.Kind) { self = .text([kind.digit]) }

    package var byteCount: Int {
        switch self {
        case .text(let bytes), .binary(let bytes): bytes.count
        }
    }
}

/// Why what a client sent is no packet or payload. The session ends.
package enum EngineError: Error, Equatable, Sendable {
    /// Nothing at all, or an unknown type.
    case notAPacket
    case notBase64
    case notUTF8
    /// More bytes than `maxPayload`.
    case tooLong
}
