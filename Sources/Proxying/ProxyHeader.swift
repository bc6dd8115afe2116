/// What a proxy says first on a connection (the PROXY protocol of HAProxy, versions 1 and 2): whom it speaks for.
package struct ProxyHeader: Equatable, Sendable {
    /// The client's address; `nil` where the proxy speaks for itself, or does not know.
    package let source: IPAddress?
    /// How many bytes it took.
    package let length: Int

    /// Bytes of version 2 behind its first 16: addresses and what may follow them.
    static let longestBody = 2048

    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private static let word = Array("PROXY ".utf8)

    /// Reads the header at the start of `bytes`.
    ///
    /// - Returns: `nil` where more bytes are needed, at most 2,064 in all.
    /// - Throws: When they are no such header.
    package static func parse(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
        if begins(bytes, with: word) { return try text(bytes) }
        if begins(bytes, with: signature) { return try binary(bytes) }
        throw .noHeader
    }

    /// Whether the bytes, as far as they go, are those.
    private static func begins(_ bytes: Span<UInt8>, with start: [UInt8]) -> Bool {
        for index in 0..<min(bytes.count, start.count) where bytes[index] != start[index] { return false }
        return true
    }

    // MARK: - Version 1

    /// `PROXY TCP4 192.0.2.1 198.51.100.7 56324 443` and CRLF, 107 bytes at the most.
    private static func text(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
        let limit = min(bytes.count, 107)
        guard let lineFeed = (0..<limit).first(where: { bytes[$0] == 0x0A }) else {
            if bytes.count >= 107 { throw .tooLong }
            return nil
        }
        guard lineFeed > word.count, bytes[lineFeed - 1] == 0x0D else { throw .malformed }
        var line: [UInt8] = []
        for index in word.count..<lineFeed - 1 { line.append(bytes[index]) }
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        // What follows that word is to be ignored.
        if words[0] == "UNKNOWN" { return ProxyHeader(source: nil, length: lineFeed + 1) }
        guard words.count == 5, words[0] == "TCP4" || words[0] == "TCP6", let source = IPAddress(words[1]),
            IPAddress(words[2]) != nil, isPort(words[3]), isPort(words[4]),
            // The writing tells the family.
            words[1...2].allSatisfy({ $0.contains(":") == (words[0] == "TCP6") })
        else { throw .malformed }
        return ProxyHeader(source: source, length: lineFeed + 1)
    }

    private static func isPort(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } && (text == "0" || text.first != "0") && UInt16(text) != nil
    }

    // MARK: - Version 2

    /// The signature, version and command, family, the length of the rest, addresses, and fields of type, length and value.
    private static func binary(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
        if bytes.count > 12, bytes[12] != 0x20, bytes[12] != 0x21 { throw .malformed }
        if bytes.count < 16 { return nil }
        let isLocal = bytes[12] == 0x20
        let bodyLength = Int(bytes[14]) << 8 | Int(bytes[15])
        if bodyLength > longestBody { throw .tooLong }
        // Of a command for the proxy itself, all behind the length is to be skipped.
        let addressLength = isLocal ? 0 : try Self.addressLength(family: bytes[13])
        if bodyLength < addressLength { throw .malformed }
        let length = 16 + bodyLength
        if bytes.count < length { return nil }
        if isLocal { return ProxyHeader(source: nil, length: length) }
        let source: IPAddress? =
            switch bytes[13] {
            case 0x11: IPAddress(v4: UInt32(truncatingIfNeeded: number(bytes, 16..<20)))
            case 0x21: IPAddress(v6: number(bytes, 16..<32))
            default: nil
            }
        try checkFields(bytes, 16 + addressLength..<length)
        return ProxyHeader(source: source, length: length)
    }

    /// Two addresses and two ports, of TCP over IPv4 or IPv6; of no known family nothing.
    private static func addressLength(family: UInt8) throws(ProxyHeaderError) -> Int {
        switch family {
        case 0x00: 0
        case 0x11: 12
        case 0x21: 36
        default: throw .malformed
        }
    }

    private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt128 {
        range.reduce(0) { $0 << 8 | UInt128(bytes[$1]) }
    }

    /// What the fields say is of no interest here, but for the checksum over the whole header.
    private static func checkFields(_ bytes: Span<UInt8>, _ fields: Range<Int>) throws(ProxyHeaderError) {
        var start = fields.lowerBound
        while start < fields.upperBound {
            guard fields.upperBound - start >= 3 else { throw .malformed }
            let value = start + 3..<start + 3 + (Int(bytes[start + 1]) << 8 | Int(bytes[start + 2]))
            guard value.upperBound <= fields.upperBound else { throw .malformed }
            if bytes[start] == 0x03 {
                guard value.count == 4,
                    number(bytes, value) == UInt128(checksum(bytes, fields.upperBound, without: value))
                else { throw .malformed }
            }
            start = value.upperBound
        }
    }

    /// CRC-32C of the first bytes, with zeros in the place of the checksum itself.
    private static func checksum(_ bytes: Span<UInt8>, _ count: Int, without hole: Range<Int>) -> UInt32 {
        var sum: UInt32 = ~0
        for index in 0..<count {
            sum ^= hole.contains(index) ? 0 : UInt32(bytes[index])
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0x82F6_3B78 : sum >> 1 }
        }
        return ~sum
    }
}

/// Why the first bytes of a connection are no PROXY header.
package enum ProxyHeaderError: Error, Equatable {
    /// They are something else.
    case noHeader
    case malformed
    case tooLong
}
