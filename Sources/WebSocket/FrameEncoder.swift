/// Makes a server's frames: not masked, one for a message, the length as short as it can be (RFC 6455, section 5.2).
package enum FrameEncoder {
    /// The longest header, in bytes.
    package static let maximumHeaderSize = 10

    /// A whole frame, which any number of connections can share.
    ///
    /// - Parameter isCompressed: Whether the payload is what ``Deflater/deflate(_:)`` made.
    package static func frame(_ opcode: Opcode, _ payload: Span<UInt8>, isCompressed: Bool = false) -> [UInt8] {
        var frame: [UInt8] = []
        appendFrame(opcode, payload, to: &frame)
        if isCompressed { frame[0] |= compressedBit }
        return frame
    }

    private static let compressedBit: UInt8 = 0x40

    /// Whether a whole frame is a text message that is not compressed.
    package static func isPlainText(_ frame: [UInt8]) -> Bool { frame[0] == 0x80 | Opcode.text.rawValue }

    /// Puts a whole frame behind what is in `bytes`.
    package static func appendFrame(_ opcode: Opcode, _ payload: Span<UInt8>, to bytes: inout [UInt8]) {
        let needed = bytes.count + maximumHeaderSize + payload.count
        // Asked for exactly, many small frames would copy the array once each.
        if needed > bytes.capacity { bytes.reserveCapacity(max(needed, 2 * bytes.count)) }
        appendHeader(opcode, payloadLength: payload.count, to: &bytes)
        bytes.append(payload)
    }

    /// What a whole frame carries.
    package static func payload(of frame: [UInt8]) -> ArraySlice<UInt8> {
        let headerSize =
            switch frame[1] {
            case 127: 10
            case 126: 4
            default: 2
            }
        return frame[headerSize...]
    }

    /// The header alone, for a payload that is sent from elsewhere.
    package static func header(_ opcode: Opcode, payloadLength: Int) -> [UInt8] {
        var header: [UInt8] = []
        header.reserveCapacity(maximumHeaderSize)
        appendHeader(opcode, payloadLength: payloadLength, to: &header)
        return header
    }

    /// A ping; its payload, at most 125 bytes, comes back in the pong.
    package static func ping(_ payload: Span<UInt8>) -> [UInt8] { frame(.ping, payload) }

    /// The answer to a ping with that payload.
    package static func pong(_ payload: Span<UInt8>) -> [UInt8] { frame(.pong, payload) }

    /// The end of the conversation; see ``ClosePayload/encoded`` for what becomes of the code and a long reason.
    package static func close(_ code: CloseCode, reason: String = "") -> [UInt8] {
        frame(.close, ClosePayload(code, reason: reason).encoded.span)
    }

    private static func appendHeader(_ opcode: Opcode, payloadLength length: Int, to bytes: inout [UInt8]) {
        precondition(length <= 125 || !opcode.isControl, "A control frame carries at most 125 bytes")
        bytes.append(0x80 | opcode.rawValue)
        switch length {
        case ...125:
            bytes.append(UInt8(length))
        case ...0xFFFF:
            bytes.append(126)
            bytes.append(UInt8(length >> 8))
            bytes.append(UInt8(truncatingIfNeeded: length))
        default:
            bytes.append(127)
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: length >> shift))
            }
        }
    }
}
