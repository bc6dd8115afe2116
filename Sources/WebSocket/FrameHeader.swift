/// The header of a client's frame (RFC 6455, section 5.2), and how far its payload has arrived.
struct FrameHeader: Equatable, Sendable {
    let opcode: Opcode
    let isFinal: Bool
    /// Whether it begins a compressed message: its RSV1 bit (RFC 7692, section 6).
    let isCompressed: Bool
    /// The bytes that the header itself takes.
    let size: UInt8
    /// Its lowest byte belongs to the next byte of the payload.
    private(set) var maskingKey: UInt32
    /// The bytes of payload still to come.
    private(set) var remaining: Int

    /// Reads the header that `bytes` begin with, or `nil` while more of it has to arrive.
    ///
    /// Every fault is reported as soon as the bytes that show it are there.
    ///
    /// - Parameters:
    ///   - insideMessage: Whether a fragmented message is unfinished.
    ///   - allowsCompression: Whether permessage-deflate was negotiated.
    ///   - room: The longest payload that a data frame may still have.
    init?(
        parsing bytes: Span<UInt8>, insideMessage: Bool, allowsCompression: Bool = false, room: Int
    ) throws(WebSocketError) {
        guard bytes.count >= 2 else { return nil }
        let first = bytes[0]
        let shortLength = bytes[1] & 0x7F
        guard first & (allowsCompression ? 0x30 : 0x70) == 0 else { throw .reservedBits }
        guard let opcode = Opcode(rawValue: first & 0x0F) else { throw .reservedOpcode }
        guard bytes[1] & 0x80 != 0 else { throw .notMasked }
        isFinal = first & 0x80 != 0
        isCompressed = first & 0x40 != 0
        // The bit is a message's, and its first frame has it.
        guard !isCompressed || opcode == .text || opcode == .binary else { throw .reservedBits }
        self.opcode = opcode
        if opcode.isControl {
            guard isFinal else { throw .fragmentedControl }
            guard shortLength <= 125 else { throw .controlTooLong }
        } else if opcode == .continuation {
            guard insideMessage else { throw .nothingToContinue }
        } else {
            guard !insideMessage else { throw .messageUnfinished }
        }

        let length: UInt64
        let keyOffset: Int
        switch shortLength {
        case 126:
            keyOffset = 4
            guard bytes.count >= keyOffset else { return nil }
            length = bytes.bigEndian(2..<keyOffset)
            guard length > 125 else { throw .lengthNotMinimal }
        case 127:
            keyOffset = 10
            guard bytes.count >= keyOffset else { return nil }
            length = bytes.bigEndian(2..<keyOffset)
            guard length <= Int64.max else { throw .lengthOutOfRange }
            guard length > UInt16.max else { throw .lengthNotMinimal }
        default:
            keyOffset = 2
            length = UInt64(shortLength)
        }
        guard opcode.isControl || length <= room else { throw .messageTooLong }
        remaining = Int(length)

        let size = keyOffset + 4
        guard bytes.count >= size else { return nil }
        self.size = UInt8(size)
        maskingKey = UInt32(truncatingIfNeeded: bytes.bigEndian(keyOffset..<size)).byteSwapped
    }

    /// Counts bytes of the payload that have arrived.
    mutating func advance(by count: Int) {
        remaining -= count
        maskingKey = maskingKey.turned(by: count)
    }
}

/// The beginning of a header that has not arrived whole.
struct PartialHeader: Sendable {
    /// As many as the longest header has: two, a 64-bit length, and the masking key.
    private(set) var bytes = InlineArray<14, UInt8>(repeating: 0)
    /// How many of them are there.
    private(set) var count: UInt8 = 0

    mutating func append(_ byte: UInt8) {
        bytes[Int(count)] = byte
        count += 1
    }
}

extension Span<UInt8> {
    fileprivate func bigEndian(_ range: Range<Int>) -> UInt64 {
        var value: UInt64 = 0
        for index in range { value = value << 8 | UInt64(self[index]) }
        return value
    }
}
