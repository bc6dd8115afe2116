import Testing
import WebSocket

@Suite struct MessageDecoderTests {
    @Test("the masked examples of RFC 6455, section 5.7, are understood")
    func examples() {
        let hello: [UInt8] = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        #expect(outcome(of: hello) == Outcome(events: [.text("Hello")]))
        let pong: [UInt8] = [0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        #expect(outcome(of: pong) == Outcome(events: [.pong("Hello")]))
    }

    static let streams: [(name: String, bytes: [UInt8], events: [Outcome.Event])] = [
        ("one text", clientFrame(0x1, "Hello"), [.text("Hello")]),
        ("empty messages", clientFrame(0x1) + clientFrame(0x2), [.text(""), .binary([])]),
        (
            "several in a row", clientFrame(0x1, "a") + clientFrame(0x2, [0xFF, 0x00]) + clientFrame(0x1, "b"),
            [.text("a"), .binary([0xFF, 0x00]), .text("b")]
        ),
        (
            "fragments", clientFrame(0x1, "Hel", final: false) + clientFrame(0x0, "lo"),
            [.text("Hello")]
        ),
        (
            "empty fragments around a full one",
            clientFrame(0x1, "", final: false) + clientFrame(0x0, "Hello", final: false) + clientFrame(0x0),
            [.text("Hello")]
        ),
        (
            "nothing but empty fragments",
            clientFrame(0x2, "", final: false) + clientFrame(0x0, "", final: false) + clientFrame(0x0),
            [.binary([])]
        ),
        (
            "scalars cut by fragments",
            clientFrame(0x1, [0xF0, 0x9F], final: false) + clientFrame(0x0, [0x98], final: false)
                + clientFrame(0x0, [0x80, 0xC3], final: false) + clientFrame(0x0, [0xA9]),
            [.text("😀é")]
        ),
        (
            "pings and pongs between fragments",
            clientFrame(0x1, "Hel", final: false) + clientFrame(0x9, "one") + clientFrame(0x0, "l", final: false)
                + clientFrame(0xA, "two") + clientFrame(0x9) + clientFrame(0x0, "o") + clientFrame(0x9, "three"),
            [.ping("one"), .pong("two"), .ping(""), .text("Hello"), .ping("three")]
        ),
        (
            "a ping inside a cut scalar",
            clientFrame(0x1, [0xE2, 0x82], final: false) + clientFrame(0x9, [0xFF]) + clientFrame(0x0, [0xAC]),
            [.init(incoming: .ping, payload: [0xFF]), .text("€")]
        ),
        (
            "text after fragmented binary",
            clientFrame(0x2, [0xC3], final: false) + clientFrame(0x0, [0xC3]) + clientFrame(0x1, "ü"),
            [.binary([0xC3, 0xC3]), .text("ü")]
        ),
        (
            "the longest control frame", clientFrame(0x9, [UInt8](repeating: 7, count: 125)),
            [.init(incoming: .ping, payload: [UInt8](repeating: 7, count: 125))]
        ),
        (
            "16-bit lengths", clientFrame(0x1, String(repeating: "x", count: 126)) + clientFrame(0x1, "y"),
            [.text(String(repeating: "x", count: 126)), .text("y")]
        ),
        (
            "a close inside a message",
            clientFrame(0x1, "never", final: false) + clientFrame(0x8, [0x03, 0xE8] + Array("böse".utf8)),
            [.close(.normal, "böse")]
        ),
        ("a close without a code", clientFrame(0x8), [.close(.noneReceived)]),
        (
            "anything behind a close", clientFrame(0x8, [0x0F, 0xA3]) + clientFrame(0x1, "late") + [0xFF, 0xFF],
            [.close(CloseCode(4003))]
        ),
    ]

    @Test("a stream means the same wherever it is cut", arguments: streams)
    func splits(_ name: String, _ bytes: [UInt8], _ events: [Outcome.Event]) {
        let expected = Outcome(events: events)
        #expect(outcome(of: bytes) == expected)
        for size in 1...bytes.count {
            #expect(outcome(of: bytes, pieces: [size]) == expected, "in pieces of \(size)")
            #expect(outcome(of: bytes, pieces: [size, .max]) == expected, "cut at \(size)")
        }
    }

    @Test("payloads of every length around the words of the unmasking come out whole")
    func lengths() {
        for length in Array(0...140) + [65_535, 65_536, 65_537, 100_000] {
            let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            let frame = clientFrame(0x2, payload, key: [0x01, 0x80, 0xFE, 0x7F])
            let expected = Outcome(events: [.binary(payload)])
            #expect(outcome(of: frame) == expected)
            for size in [7, 10, 15, 16, 17, 1000] where size < frame.count {
                #expect(outcome(of: frame, pieces: [size]) == expected, "\(length) in pieces of \(size)")
            }
        }
    }

    @Test("what lies whole in the buffer is delivered from there")
    func noCopy() throws {
        var decoder = MessageDecoder()
        var buffer = clientFrame(0x2, [1, 2, 3]) + clientFrame(0x9, [4]) + clientFrame(0x2, [5], final: false)
        buffer += clientFrame(0x0, [6])
        let addresses = unsafe buffer.withUnsafeBytes { (UInt(bitPattern: $0.baseAddress), $0.count) }
        var inside: [Bool] = []
        var bytes = buffer.mutableSpan
        _ = try decoder.decode(&bytes) { _, payload in
            let address = unsafe payload.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
            inside.append(address >= addresses.0 && address < addresses.0 + UInt(addresses.1))
            return .proceed
        }
        #expect(inside == [true, true, false])
        #expect(buffer[6..<9] == [1, 2, 3], "unmasked in place")
    }

    @Test("a pause leaves the rest alone, and decoding goes on from there", arguments: [Int.max, 1, 7])
    func pause(_ size: Int) throws {
        let stream =
            clientFrame(0x1, "a", final: false) + clientFrame(0x9, "b") + clientFrame(0x0, "c") + clientFrame(0x2)
            + clientFrame(0x8)
        var decoder = MessageDecoder()
        var events: [Incoming] = []
        var ends: [Int] = []
        var position = 0
        while position < stream.count {
            var piece = Array(stream[position...].prefix(size))
            var bytes = piece.mutableSpan
            let before = events.count
            let consumed = try decoder.decode(&bytes) { incoming, _ in
                events.append(incoming)
                return .pause
            }
            #expect(events.count - before <= 1)
            #expect(consumed == piece.count || events.count == before + 1)
            #expect(Array(piece[consumed...]) == Array(stream[(position + consumed)...].prefix(piece.count - consumed)))
            position += consumed
            if events.count > before { ends.append(position) }
        }
        #expect(events == [.ping, .text, .binary, .close(.noneReceived)])
        #expect(ends == [14, 21, 27, 33])
    }

    @Test("a message of the greatest length passes, in one frame or in many; one byte more fails at its header")
    func limit() {
        let limit = 300
        let fits = [UInt8](repeating: 65, count: limit)
        #expect(outcome(of: clientFrame(0x2, fits), limit: limit) == Outcome(events: [.binary(fits)]))
        let fragments = clientFrame(0x2, Array(fits[..<200]), final: false) + clientFrame(0x0, Array(fits[200...]))
        #expect(outcome(of: fragments, limit: limit) == Outcome(events: [.binary(fits)]))
        #expect(outcome(of: clientFrame(0x2, fits) + clientFrame(0x2, fits), limit: limit).events.count == 2)

        let tooLong = Outcome(error: .messageTooLong)
        #expect(outcome(of: [0x82, 0xFE] + bigEndian(UInt16(limit + 1)), limit: limit) == tooLong)
        #expect(outcome(of: [0x82, 0xFF] + bigEndian(UInt64(Int64.max)), limit: limit) == tooLong)
        let oneMore = clientFrame(0x2, Array(fits[..<200]), final: false) + [0x80, 0x80 | 101]
        #expect(outcome(of: oneMore, limit: limit) == tooLong)
        #expect(outcome(of: clientFrame(0x2, [0]), limit: 0) == tooLong)
        #expect(outcome(of: clientFrame(0x2) + clientFrame(0x9, "p"), limit: 0).error == nil)
    }

    @Test("a length that is only claimed takes no memory")
    func claimedLength() {
        let claim: [UInt8] = [0x82, 0xFF] + bigEndian(UInt64(1) << 62) + [0, 0, 0, 0] + [1, 2, 3]
        #expect(outcome(of: claim, pieces: [14, 1], limit: .max) == Outcome())
    }

    @Test("thousands of small fragments are joined in reasonable time")
    func manyFragments() {
        let count = 20_000
        var stream = clientFrame(0x2, [1], final: false)
        for _ in 2..<count { stream += clientFrame(0x0, [1], final: false) }
        stream += clientFrame(0x0, [1])
        #expect(outcome(of: stream) == Outcome(events: [.binary([UInt8](repeating: 1, count: count))]))
    }

    @Test("an idle decoder is small")
    func size() {
        #expect(MemoryLayout<MessageDecoder>.size <= 64)
    }
}
