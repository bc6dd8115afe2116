import Testing

@testable import JWT

@Suite struct ECDSASignatureTests {
    private static func raw(r: [UInt8], s: [UInt8]) -> [UInt8] {
        [UInt8](repeating: 0, count: 32 - r.count) + r + [UInt8](repeating: 0, count: 32 - s.count) + s
    }

    private static let full = [UInt8](repeating: 0xFF, count: 32)

    /// X.690, section 8.3: as few bytes as possible, and a zero before a first bit that is set.
    static let examples: [(raw: [UInt8], der: [UInt8])] = [
        (raw(r: [], s: []), [0x30, 6, 2, 1, 0, 2, 1, 0]),
        (raw(r: [1], s: [0x7F]), [0x30, 6, 2, 1, 1, 2, 1, 0x7F]),
        (raw(r: [0x80], s: [1, 0]), [0x30, 8, 2, 2, 0, 0x80, 2, 2, 1, 0]),
        (raw(r: full, s: full), [0x30, 70, 2, 33, 0] + full + [2, 33, 0] + full),
    ]

    @Test("both ways", arguments: examples)
    func conversion(_ raw: [UInt8], _ der: [UInt8]) {
        #expect(ECDSASignature.der(fromRaw: raw) == der)
        #expect(ECDSASignature.raw(fromDER: der) == raw)
    }

    @Test("a raw signature has 64 bytes", arguments: [0, 1, 32, 63, 65, 96, 128])
    func rawLength(_ count: Int) {
        #expect(ECDSASignature.der(fromRaw: [UInt8](repeating: 1, count: count)) == nil)
    }

    @Test("every prefix of a DER signature is refused, and more than one too")
    func damagedDER() {
        for (_, der) in Self.examples {
            for count in 0..<der.count { #expect(ECDSASignature.raw(fromDER: Array(der.prefix(count))) == nil) }
            #expect(ECDSASignature.raw(fromDER: der + [0]) == nil)
        }
        #expect(ECDSASignature.raw(fromDER: [0x30, 37, 2, 33] + [1] + Self.full + [2, 0]) == nil)
    }
}
