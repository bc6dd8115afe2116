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

    /// Room for a header, which a payload is written behind; that of most frames, the payload moves if theirs is shorter
    /// or longer. Shared: it costs nothing where none is written. A literal is not even counted.
    package static let room: [UInt8] = [0, 0, 0, 0]

    /// Makes a whole frame of a payload that was written behind ``room``.
    package static func finish(_ opcode: Opcode, _ bytes: consuming [UInt8]) -> [UInt8] {
        let length = bytes.count - room.count
        let size = headerSize(payloadLength: length)
        if size < room.count { bytes.removeFirst(room.count - size) }
        if size > room.count { bytes.insert(contentsOf: repeatElement(0, count: size - room.count), at: 0) }
        write(opcode, payloadLength: length, to: &bytes, at: 0)
        return bytes
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

    private static func headerSize(payloadLength length: Int) -> Int {
        switch length {
        case ...125: 2
        case ...0xFFFF: 4
        default: maximumHeaderSize
        }
    }

    private static func appendHeader(_ opcode: Opcode, payloadLength length: Int, to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: headerSize(payloadLength: length)))
        write(opcode, payloadLength: length, to: &bytes, at: start)
    }

    /// Writes a header where there is room for it.
    private static func write(_ opcode: Opcode, payloadLength length: Int, to bytes: inout [UInt8], at start: Int) {
        precondition(length <= 125 || !opcode.isControl, "A control frame carries at most 125 bytes")
        bytes[start] = 0x80 | opcode.rawValue
        let size = headerSize(payloadLength: length)
        bytes[start + 1] = size == 2 ? UInt8(length) : size == 4 ? 126 : 127
        for index in 2..<size {
            bytes[start + index] = UInt8(truncatingIfNeeded: length >> (8 * (size - 1 - index)))
        }
    }
}
