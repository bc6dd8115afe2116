import Proxying
import Testing

/// By the specification of HAProxy, "The PROXY protocol, versions 1 & 2".
@Suite struct ProxyHeaderTests {
    private func parse(_ bytes: [UInt8]) throws(ProxyHeaderError) -> ProxyHeader? { try ProxyHeader.parse(bytes.span) }

    /// Every beginning needs more; with anything behind it the header is the same.
    private func expect(_ bytes: [UInt8], _ source: String?) throws {
        for count in 0..<bytes.count { #expect(try parse(Array(bytes[..<count])) == nil) }
        for rest in [[], Array("GET / HTTP/1.1\r\n\r\n".utf8), [0x16, 0x03, 0x01]] as [[UInt8]] {
            let header = try #require(try parse(bytes + rest))
            #expect(header.source?.description == source)
            #expect(header.length == bytes.count)
        }
    }

    // MARK: - Version 1

    @Test(
        "version 1",
        arguments: [
            ("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n", "192.0.2.1"),
            ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255"),
            ("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", "2001:db8::1"), ("PROXY UNKNOWN\r\n", nil),
            ("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", nil), ("PROXY UNKNOWN whatever this is\r\n", nil),
            ("PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n", nil),
        ] as [(String, String?)])
    func text(_ line: String, _ source: String?) throws { try expect(Array(line.utf8), source) }

    @Test(
        "what looks like version 1 and is malformed",
        arguments: [
            "PROXY \r\n", "PROXY TCP4\r\n", "PROXY TCP4 192.0.2.1 198.51.100.7 56324\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 1\r\n", "PROXY TCP4  192.0.2.1 198.51.100.7 56324 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 \r\n", "PROXY TCP4 192.0.2.1 198.51.100.7 56324 65536\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 056324 443\r\n", "PROXY TCP4 192.0.2.1 198.51.100.7 +1 443\r\n",
            "PROXY TCP4 2001:db8::1 ::1 1 2\r\n", "PROXY TCP6 192.0.2.1 198.51.100.7 1 2\r\n",
            "PROXY TCP4 192.0.2.1 ::1 1 2\r\n", "PROXY TCP5 192.0.2.1 198.51.100.7 1 2\r\n",
            "PROXY TCP4 192.0.2.256 198.51.100.7 1 2\r\n", "PROXY tcp4 192.0.2.1 198.51.100.7 1 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 1 2\n", "PROXY TCP4 192.0.2.1 198.51.100.7  2\r\n", "PROXY UNKNOWNS\r\n",
            "PROXY \n",
        ])
    func malformedText(_ line: String) {
        #expect(throws: ProxyHeaderError.malformed) { try parse(Array(line.utf8)) }
    }

    @Test("version 1 ends within 107 bytes")
    func longText() throws {
        let line = "PROXY UNKNOWN " + String(repeating: "x", count: 92)
        #expect(try parse(Array(line.utf8)) == nil)
        #expect(throws: ProxyHeaderError.tooLong) { try parse(Array((line + "\r").utf8)) }
        #expect(throws: ProxyHeaderError.tooLong) { try parse(Array((line + "\r\n").utf8)) }
    }

    // MARK: - Version 2

    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
    private static let tcp4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 7, 0xDC, 0x04, 0x01, 0xBB]
    private static let tcp6: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [9] + [UInt8](repeating: 1, count: 16) + [
            0, 1, 0, 2,
        ]

    private func header(_ command: UInt8, _ family: UInt8, _ body: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? body.count
        return Self.signature + [command, family, UInt8(length >> 8), UInt8(length & 0xFF)] + body
    }

    @Test(
        "version 2, with and without fields behind the addresses",
        arguments: [[], [4, 0, 0], [1, 0, 2, 104, 50, 4, 0, 1, 0]] as [[UInt8]])
    func binary(_ fields: [UInt8]) throws {
        try expect(header(0x21, 0x11, Self.tcp4 + fields), "192.0.2.1")
        try expect(header(0x21, 0x21, Self.tcp6 + fields), "2001:db8::9")
        try expect(header(0x21, 0x00, fields), nil)
    }

    @Test("a proxy that speaks for itself, whatever follows", arguments: [0x00, 0x11, 0x21, 0x31, 0xFF] as [UInt8])
    func local(_ family: UInt8) throws {
        try expect(header(0x20, family, []), nil)
        try expect(header(0x20, family, [1, 2, 3, 4, 5]), nil)
        try expect(header(0x20, family, Self.tcp4), nil)
    }

    @Test(
        "lengths that do not add up",
        arguments: [
            (0x11, Array(tcp4[..<11])), (0x21, Array(tcp6[..<35])), (0x21, tcp4), (0x11, tcp4 + [1]),
            (0x11, tcp4 + [1, 0]),
            (0x11, tcp4 + [1, 0, 1]), (0x11, tcp4 + [1, 0xFF, 0xFF, 0]), (0x11, tcp4 + [1, 0, 0, 2]),
            (0x00, [7, 0, 2, 0]),
        ] as [(UInt8, [UInt8])])
    func lengths(_ family: UInt8, _ body: [UInt8]) {
        #expect(throws: ProxyHeaderError.malformed) { try parse(header(0x21, family, body)) }
    }

    @Test("what TCP does not carry", arguments: [0x12, 0x22, 0x31, 0x32, 0x01, 0x10, 0x41, 0xFF] as [UInt8])
    func families(_ family: UInt8) {
        #expect(throws: ProxyHeaderError.malformed) {
            try parse(header(0x21, family, [UInt8](repeating: 0, count: 216)))
        }
    }

    @Test("versions and commands that there are not", arguments: [0x00, 0x01, 0x11, 0x22, 0x2F, 0x31] as [UInt8])
    func commands(_ command: UInt8) {
        #expect(throws: ProxyHeaderError.malformed) { try parse(header(command, 0x11, Self.tcp4)) }
    }

    @Test("version 2 has a limit, which is known from its length")
    func longBinary() throws {
        let fields: [UInt8] = [4, 0x07, 0xF1] + [UInt8](repeating: 0, count: 0x7F1)
        try expect(header(0x21, 0x11, Self.tcp4 + fields), "192.0.2.1")
        #expect(throws: ProxyHeaderError.tooLong) { try parse(header(0x21, 0x11, [], length: 2049)) }
        #expect(throws: ProxyHeaderError.tooLong) { try parse(header(0x20, 0x00, [], length: 65535)) }
    }

    @Test("a checksum that is there must be right")
    func checksum() throws {
        // Of the header with zeros in its place, by another implementation of CRC-32C.
        let sum: [UInt8] = [0xD4, 0x5A, 0x11, 0xB9]
        try expect(header(0x21, 0x11, Self.tcp4 + [3, 0, 4] + sum), "192.0.2.1")
        for bit in 0..<32 {
            var wrong = sum
            wrong[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: ProxyHeaderError.malformed) {
                try parse(header(0x21, 0x11, Self.tcp4 + [3, 0, 4] + wrong))
            }
        }
        #expect(throws: ProxyHeaderError.malformed) { try parse(header(0x21, 0x11, Self.tcp4 + [3, 0, 3, 0, 0, 0])) }
    }

    // MARK: - Neither

    @Test(
        "anything else is no header, from the first byte that differs on",
        arguments: ["GET / HTTP/1.1\r\n", "PROXX ", "proxy ", "P ", "\r\n\r\n\r\n", "\u{16}\u{3}\u{1}", " PROXY "])
    func neither(_ text: String) {
        #expect(throws: ProxyHeaderError.noHeader) { try parse(Array(text.utf8)) }
    }

    @Test("every signature with one bit changed is none")
    func signature() {
        for index in Self.signature.indices {
            var bytes = header(0x21, 0x11, Self.tcp4)
            bytes[index] ^= 0x80
            #expect(throws: ProxyHeaderError.noHeader) { try parse(bytes) }
        }
    }
}
