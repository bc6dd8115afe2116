/// What one request of polling carries: packets with a record separator between them.
package enum Payload {
    /// Between two packets; a text that holds it can't be polled.
    package static let separator: UInt8 = 0x1E

    /// Puts a packet behind those that are in a payload.
    package static func append(_ packet: OutgoingPacket, to payload: inout [UInt8]) {
        if !payload.isEmpty { payload.append(separator) }
        switch packet {
        case .text(let bytes): payload.append(contentsOf: bytes)
        case .binary(let bytes):
            payload.append(UInt8(ascii: "b"))
            Base64.append(bytes.span, to: &payload)
        }
    }

    /// How many bytes a packet takes in a payload, without a separator.
    package static func length(of packet: OutgoingPacket) -> Int {
        switch packet {
        case .text(let bytes): bytes.count
        case .binary(let bytes): 1 + Base64.length(of: bytes.count)
        }
    }
}

/// Reads the packets of one payload, one after the other, where they lie.
package struct PayloadDecoder: Sendable {
    private let count: Int
    /// Where the next packet begins; beyond the end after the last.
    private var position = 0

    /// - Parameters:
    ///   - payload: The body of a request.
    ///   - maximumLength: `maxPayload`.
    package init(_ payload: Span<UInt8>, maximumLength: Int) throws(EngineError) {
        guard payload.count <= maximumLength else { throw .tooLong }
        guard (try? UTF8Span(validating: payload)) != nil else { throw .notUTF8 }
        count = payload.count
    }

    /// Whether there is no further packet.
    var isAtEnd: Bool { position > count }

    /// The next packet; `nil` after the last. An empty payload holds one packet, which is none.
    ///
    /// - Parameter payload: The same bytes at every call.
    package mutating func next(in payload: Span<UInt8>) throws(EngineError) -> EnginePacket? {
        precondition(payload.count == count, "a payload changed while it was read")
        guard position <= count else { return nil }
        var end = position
        while end < count, payload[end] != Payload.separator { end += 1 }
        defer { position = end + 1 }
        return try EnginePacket(text: payload, in: position..<end)
    }
}
