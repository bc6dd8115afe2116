import Testing
import WebSocket

@Suite struct ProtocolErrorTests {
    typealias Case = (name: String, bytes: [UInt8], error: WebSocketError)

    static let faults: [Case] =
        [
            ("RSV1", clientFrame(0x1, reserved: 4), .reservedBits),
            ("RSV2", clientFrame(0x9, reserved: 2), .reservedBits),
            ("RSV3", clientFrame(0x2, reserved: 1), .reservedBits),
            ("unmasked text", clientFrame(0x1, [65], masked: false), .notMasked),
            ("unmasked ping", clientFrame(0x9, masked: false), .notMasked),
            ("fragmented ping", clientFrame(0x9, final: false), .fragmentedControl),
            ("fragmented pong", clientFrame(0xA, final: false), .fragmentedControl),
            ("fragmented close", clientFrame(0x8, final: false), .fragmentedControl),
            ("long ping", clientFrame(0x9, [UInt8](repeating: 0, count: 126)), .controlTooLong),
            ("long pong", clientFrame(0xA, [UInt8](repeating: 0, count: 70_000)), .controlTooLong),
            ("long close", [0x88, 0xFE], .controlTooLong),
            ("lone continuation", clientFrame(0x0, [65]), .nothingToContinue),
            ("lone unfinished continuation", clientFrame(0x0, [65], final: false), .nothingToContinue),
            ("text in a text", clientFrame(0x1, final: false) + clientFrame(0x1), .messageUnfinished),
            ("binary in a text", clientFrame(0x1, [65], final: false) + clientFrame(0x2), .messageUnfinished),
            (
                "text after continuations",
                clientFrame(0x2, [65], final: false) + clientFrame(0x0, final: false) + clientFrame(0x1, final: false),
                .messageUnfinished
            ),
            ("125 in 16 bits", [0x82, 0xFE, 0x00, 0x7D], .lengthNotMinimal),
            ("0 in 16 bits", [0x82, 0xFE, 0x00, 0x00], .lengthNotMinimal),
            ("65,535 in 64 bits", [0x82, 0xFF] + bigEndian(UInt64(65_535)), .lengthNotMinimal),
            ("5 in 64 bits", [0x82, 0xFF] + bigEndian(UInt64(5)), .lengthNotMinimal),
            ("64 bits", [0x82, 0xFF] + bigEndian(UInt64(1) << 63), .lengthOutOfRange),
            ("all ones", [0x82, 0xFF] + bigEndian(UInt64.max), .lengthOutOfRange),
            ("one-byte close", clientFrame(0x8, [0x03]), .shortClose),
            ("close reason", clientFrame(0x8, [0x03, 0xE8, 0xC3]), .invalidUTF8),
        ]
        + (Array(3...7) + Array(0xB...0xF)).map { ("opcode \($0)", clientFrame($0), .reservedOpcode) }
        + [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map {
            ("close code \($0)", clientFrame(0x8, bigEndian(UInt16($0))), .invalidCloseCode)
        }

    @Test("a fault ends decoding, after what came before it and wherever the bytes are cut", arguments: faults)
    func fault(_ name: String, _ bytes: [UInt8], _ error: WebSocketError) {
        let stream = clientFrame(0x2, [1]) + bytes + clientFrame(0x9)
        let expected = Outcome(events: [.binary([1])], error: error)
        #expect(outcome(of: stream) == expected)
        for size in 1...min(stream.count, 40) {
            #expect(outcome(of: stream, pieces: [size, .max]) == expected, "cut at \(size)")
        }
        #expect(outcome(of: stream, pieces: [1]) == expected)
    }

    static let badTexts: [(name: String, valid: [UInt8], bad: UInt8)] = [
        ("stray continuation", Array("ok".utf8), 0x80),
        ("overlong", [], 0xC0),
        ("surrogate", [0xED], 0xA0),
        ("past the last plane", [0xCE, 0xBA, 0xF4], 0x90),
        ("scalar cut by ASCII", Array("Hello µ@ßöä".utf8) + [0xE2, 0x82], 0x41),
        ("0xFF far behind", [UInt8](repeating: 65, count: 200), 0xFF),
    ]

    @Test("a byte that is no UTF-8 fails at once, in an unfinished frame and across fragments", arguments: badTexts)
    func failFast(_ name: String, _ valid: [UInt8], _ bad: UInt8) {
        let refused = Outcome(error: .invalidUTF8)
        let frame = clientFrame(0x1, valid + [bad] + [UInt8](repeating: 65, count: 20))
        let upToBad = frame.count - 20
        for pieces in [[Int.max], [1], [3], [upToBad - 1, 1]] {
            #expect(outcome(of: Array(frame[..<upToBad]), pieces: pieces) == refused)
            #expect(outcome(of: Array(frame[..<(upToBad - 1)]), pieces: pieces) == Outcome())
        }
        let fragments =
            clientFrame(0x1, valid, final: false) + clientFrame(0x9) + clientFrame(0x0, [bad, 65], final: false)
        #expect(
            outcome(of: fragments) == Outcome(events: [.ping("")], error: .invalidUTF8))
    }

    @Test(
        "text that ends inside a scalar is refused",
        arguments: [[0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98]] as [[UInt8]])
    func cutText(_ text: [UInt8]) {
        #expect(outcome(of: clientFrame(0x1, text)).error == .invalidUTF8)
        #expect(outcome(of: clientFrame(0x1, [65] + text)).error == .invalidUTF8)
        let fragments = clientFrame(0x1, text, final: false) + clientFrame(0x0)
        #expect(outcome(of: fragments).error == .invalidUTF8)
    }

    @Test("nothing is decoded after a fault")
    func afterFault() {
        var decoder = MessageDecoder()
        #expect(decoder.outcome(of: clientFrame(0x3)).error == .reservedOpcode)
        #expect(decoder.outcome(of: clientFrame(0x1, "late") + clientFrame(0x3)) == Outcome())
    }

    @Test("a fault's close code and reason fit a close frame", arguments: WebSocketError.allCases)
    func closing(_ error: WebSocketError) {
        #expect(error.closeCode.mayBeSent)
        #expect((1...123).contains(error.reason.utf8.count))
        let expected: CloseCode =
            switch error {
            case .invalidUTF8: .invalidPayload
            case .messageTooLong: .messageTooBig
            default: .protocolError
            }
        #expect(error.closeCode == expected)
    }
}
