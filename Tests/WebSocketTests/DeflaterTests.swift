import Testing

@testable import WebSocket

/// Messages of permessage-deflate (RFC 7692, section 7.2).
@Suite struct DeflaterTests {
    private func inflated(
        _ payload: [UInt8], by inflater: Inflater = Inflater(keepsContext: false), limit: Int = 1 << 20
    ) throws -> String {
        String(decoding: try inflater.inflate(payload.span, limit: limit), as: UTF8.self)
    }

    @Test(
        "the examples of section 7.2.3 are understood",
        arguments: [
            // One block; without compression; the last of all blocks; two blocks.
            [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
            [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
            [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
        ] as [[UInt8]])
    func examples(_ payload: [UInt8]) throws {
        #expect(try inflated(payload) == "Hello")
    }

    @Test("a message refers to the one before it where contexts are kept, as in section 7.2.3.2, and only there")
    func contexts() throws {
        let hello = Array("Hello".utf8)
        let (first, again): ([UInt8], [UInt8]) = (
            [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], [0xF2, 0x00, 0x11, 0x00, 0x00]
        )
        let inflater = Inflater(keepsContext: true)
        #expect(try inflated(first, by: inflater) == "Hello")
        #expect(try inflated(again, by: inflater) == "Hello")
        let forgetful = Inflater(keepsContext: false)
        #expect(try inflated(first, by: forgetful) == "Hello")
        #expect(throws: WebSocketError.notDeflated) { try inflated(again, by: forgetful) }

        let deflater = Deflater(level: 6, windowBits: 15, keepsContext: true)
        #expect(deflater.deflate(hello.span) == first)
        #expect(deflater.deflate(hello.span) == again)
        let forgetfulDeflater = Deflater(level: 6, windowBits: 15, keepsContext: false)
        #expect(forgetfulDeflater.deflate(hello.span) == first)
        #expect(forgetfulDeflater.deflate(hello.span) == first)
    }

    @Test("a message refers to the one before it also where that ended with the last of all blocks (section 7.2.3.4)")
    func contextBehindTheLastBlock() throws {
        let inflater = Inflater(keepsContext: true)
        #expect(try inflated([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], by: inflater) == "Hello")
        #expect(try inflated([0xF2, 0x00, 0x11, 0x00, 0x00], by: inflater) == "Hello")
        let forgetful = Inflater(keepsContext: false)
        #expect(try inflated([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], by: forgetful) == "Hello")
        #expect(throws: WebSocketError.notDeflated) { try inflated([0xF2, 0x00, 0x11, 0x00, 0x00], by: forgetful) }
    }

    @Test("what is deflated is inflated to the same, of any length", arguments: [9, 12, 15], [false, true])
    func roundTrip(_ windowBits: Int, _ keepsContext: Bool) throws {
        let deflater = Deflater(level: 1, windowBits: windowBits, keepsContext: keepsContext)
        let inflater = Inflater(windowBits: windowBits, keepsContext: keepsContext)
        for length in [0, 1, 2, 100, 4095, 4096, 65_535, 65_536, 300_000] {
            // Half noise, half repetition.
            let message = (0..<length).map {
                $0 % 3 == 0 ? UInt8.random(in: 0...255) : UInt8(truncatingIfNeeded: $0 / 7)
            }
            let payload = deflater.deflate(message.span)
            #expect(try inflater.inflate(payload.span, limit: 300_000) == message)
        }
    }

    @Test("no more is made of a message than allowed, however little it came as")
    func bomb() throws {
        let zeros = [UInt8](repeating: 0, count: 1 << 24)
        let payload = Deflater(level: 9, windowBits: 15, keepsContext: false).deflate(zeros.span)
        #expect(payload.count < 20_000)
        let inflater = Inflater(keepsContext: false)
        #expect(throws: WebSocketError.messageTooLong) { try inflater.inflate(payload.span, limit: 1 << 20) }
        #expect(try Inflater(keepsContext: false).inflate(payload.span, limit: 1 << 24).count == 1 << 24)
        #expect(throws: WebSocketError.messageTooLong) {
            try Inflater(keepsContext: false).inflate(payload.span, limit: (1 << 24) - 1)
        }
    }

    @Test("after a message that was refused, a shared inflater is as new")
    func refusedBefore() throws {
        let inflater = Inflater(keepsContext: false)
        let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        #expect(throws: WebSocketError.notDeflated) { try inflated([0xFF, 0xFF], by: inflater) }
        #expect(try inflated(hello, by: inflater) == "Hello")
        #expect(throws: WebSocketError.messageTooLong) { try inflated(hello, by: inflater, limit: 4) }
        #expect(try inflated(hello, by: inflater) == "Hello")
    }

    @Test("what breaks off within a block is refused, and so is nothing at all")
    func cut() {
        let text = Array("Hello, are you available? Hello, are you available?".utf8)
        let payload = Deflater(level: 6, windowBits: 15, keepsContext: false).deflate(text.span)
        let inflater = Inflater(keepsContext: false)
        for end in 0..<payload.count {
            #expect(throws: WebSocketError.notDeflated) {
                try inflater.inflate(Array(payload[..<end]).span, limit: 1000)
            }
        }
    }

    @Test("every beginning of a payload, and each with a bit turned, is a message or refused")
    func mutations() {
        let text = Array("Hello, are you available? Hello, are you available?".utf8)
        let payload = Deflater(level: 6, windowBits: 15, keepsContext: false).deflate(text.span)
        let inflater = Inflater(keepsContext: false)
        for end in 0...payload.count { _ = try? inflater.inflate(Array(payload[..<end]).span, limit: 1000) }
        for bit in 0..<payload.count * 8 {
            var turned = payload
            turned[bit / 8] ^= 1 << UInt8(bit % 8)
            _ = try? inflater.inflate(turned.span, limit: 1000)
        }
        #expect((try? inflater.inflate(payload.span, limit: 1000)) == text)
    }

    // MARK: - Frames

    private static let payload: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]

    private func outcome(_ stream: [UInt8], allowsCompression: Bool = true, pieces: [Int] = [.max]) -> Outcome {
        var decoder = MessageDecoder(maximumMessageLength: 100, allowsCompression: allowsCompression)
        return decoder.outcome(of: stream, pieces: pieces)
    }

    @Test("a message with its first bit set is compressed, whole or in fragments", arguments: [Int.max, 1, 3])
    func compressed(_ piece: Int) {
        let payload = Self.payload
        let event = Outcome.Event(incoming: .compressed(isText: true), payload: payload)
        let text = Outcome.Event.text("Hello")
        #expect(outcome(clientFrame(0x1, payload, reserved: 4), pieces: [piece]).events == [event])
        let fragments =
            clientFrame(0x1, Array(payload[..<3]), final: false, reserved: 4) + clientFrame(0x9, "ping")
            + clientFrame(0x0, Array(payload[3...])) + clientFrame(0x1, "Hello")
        #expect(outcome(fragments, pieces: [piece]).events == [.ping("ping"), event, text])
        let binary = Outcome.Event(incoming: .compressed(isText: false), payload: payload)
        #expect(outcome(clientFrame(0x2, payload, reserved: 4), pieces: [piece]).events == [binary])
    }

    @Test(
        "the bit is refused where it has no place",
        arguments: [
            clientFrame(0x9, [1], reserved: 4), clientFrame(0x8, [], reserved: 4),
            clientFrame(0x1, [1], final: false) + clientFrame(0x0, [1], reserved: 4),
            clientFrame(0x1, payload, reserved: 2), clientFrame(0x1, payload, reserved: 1),
            clientFrame(0x1, payload, reserved: 6),
        ])
    func misplaced(_ stream: [UInt8]) {
        #expect(outcome(stream).error == .reservedBits)
    }

    @Test("without an agreement no message is compressed")
    func notAgreed() {
        #expect(outcome(clientFrame(0x1, Self.payload, reserved: 4), allowsCompression: false).error == .reservedBits)
    }

    @Test("the server's compressed frames have the bit, and are told from plain ones")
    func encoded() {
        let frame = FrameEncoder.frame(.text, Self.payload.span, isCompressed: true)
        #expect(frame == [0xC1, 0x07] + Self.payload)
        #expect(!FrameEncoder.isPlainText(frame))
        #expect(FrameEncoder.isPlainText(FrameEncoder.frame(.text, Self.payload.span)))
        #expect(!FrameEncoder.isPlainText(FrameEncoder.frame(.ping, Self.payload.span)))
        for length in [0, 125, 126, 65_535, 65_536] {
            let payload = [UInt8](repeating: 7, count: length)
            #expect(Array(FrameEncoder.payload(of: FrameEncoder.frame(.text, payload.span))) == payload)
        }
    }
}
