import Testing
import WebSocket

@Suite struct FrameEncoderTests {
    @Test("the unmasked examples of RFC 6455, section 5.7, are made")
    func examples() {
        let hello: [UInt8] = Array("Hello".utf8)
        #expect(FrameEncoder.frame(.text, hello.span) == [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
        #expect(FrameEncoder.ping(hello.span) == [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
        #expect(FrameEncoder.pong(hello.span) == [0x8A, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
        let quarter = [UInt8](repeating: 9, count: 256)
        #expect(FrameEncoder.frame(.binary, quarter.span) == [0x82, 0x7E, 0x01, 0x00] + quarter)
        let large = [UInt8](repeating: 9, count: 65_536)
        #expect(
            FrameEncoder.frame(.binary, large.span) == [0x82, 0x7F, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00]
                + large)
    }

    static let lengths: [(length: Int, header: [UInt8])] = [
        (0, [0x81, 0x00]),
        (125, [0x81, 0x7D]),
        (126, [0x81, 0x7E, 0x00, 0x7E]),
        (65_535, [0x81, 0x7E, 0xFF, 0xFF]),
        (65_536, [0x81, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]),
        (0x0123_4567_89AB_CDEF, [0x81, 0x7F, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF]),
    ]

    @Test("a length takes as few bytes as it can", arguments: lengths)
    func header(_ length: Int, _ header: [UInt8]) {
        #expect(FrameEncoder.header(.text, payloadLength: length) == header)
        #expect(header.count <= FrameEncoder.maximumHeaderSize)
    }

    @Test("frames are put behind one another")
    func append() {
        var bytes: [UInt8] = [0xAA]
        for (opcode, payload) in [(.text, [1]), (.binary, [])] as [(Opcode, [UInt8])] {
            FrameEncoder.appendFrame(opcode, payload.span, to: &bytes)
        }
        #expect(bytes == [0xAA, 0x81, 0x01, 0x01, 0x82, 0x00])
    }

    @Test("a close frame carries its code and reason, or nothing")
    func close() {
        #expect(FrameEncoder.close(.goingAway, reason: "bye") == [0x88, 0x05, 0x03, 0xE9] + Array("bye".utf8))
        #expect(FrameEncoder.close(CloseCode(4003)) == [0x88, 0x02, 0x0F, 0xA3])
        #expect(FrameEncoder.close(.noneReceived) == [0x88, 0x00])
    }
}
