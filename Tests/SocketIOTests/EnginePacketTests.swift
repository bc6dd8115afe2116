import SocketIO
import Testing

@Suite struct EnginePacketTests {
    static let texts: [(text: String, kind: EnginePacket.Kind, data: String)] = [
        (#"0{"sid":"lv_VI97HAXpY6yYWAAAC"}"#, .open, #"{"sid":"lv_VI97HAXpY6yYWAAAC"}"#),
        ("1", .close, ""), ("2", .ping, ""), ("3", .pong, ""), ("4hello", .message, "hello"), ("4", .message, ""),
        ("2probe", .ping, "probe"), ("3probe", .pong, "probe"), ("5", .upgrade, ""), ("6", .noop, ""),
        ("4ü€😀", .message, "ü€😀"), ("4b", .message, "b"),
    ]

    @Test("a text packet is its digit and its data", arguments: texts)
    func text(_ text: String, _ kind: EnginePacket.Kind, _ data: String) throws {
        let bytes = text.bytes
        let packet = try EnginePacket(text: bytes.span)
        #expect(packet.kind == kind)
        #expect(packet.encoding == .text)
        #expect(packet.withData(in: bytes.span) { [UInt8](copying: $0) } == data.bytes)
    }

    @Test("what begins with no digit of a packet is none", arguments: ["", "7", "9", "abc", " 4", "-1", "/", ":", "B"])
    func noPacket(_ text: String) {
        #expect(throws: EngineError.notAPacket) { try EnginePacket(text: text.bytes.span) }
    }

    static let base64: [(text: String, data: [UInt8])] = [
        ("bAQIDBA==", [1, 2, 3, 4]), ("b", []), ("bAA==", [0]), ("bAAA=", [0, 0]), ("bAAAA", [0, 0, 0]),
        ("b+/+/", [0xFB, 0xFF, 0xBF]), ("b////", [0xFF, 0xFF, 0xFF]), ("bZm9vYg==", "foob".bytes),
    ]

    @Test("a text packet with a b is a binary message in base64", arguments: base64)
    func binaryInText(_ text: String, _ data: [UInt8]) throws {
        let bytes = text.bytes
        let packet = try EnginePacket(text: bytes.span)
        #expect(packet.kind == .message)
        #expect(packet.encoding == .base64)
        #expect(packet.withData(in: bytes.span) { [UInt8](copying: $0) } == data)
    }

    @Test(
        "what is not base64 is refused",
        arguments: [
            "bA", "bAQ", "bAQI", "bAQ=", "b====", "bA===", "bAQ=I", "b=AAA", "bAQ-_", "bAQ I", "bAQID\n", "büü",
        ])
    func notBase64(_ text: String) {
        #expect(throws: EngineError.notBase64) { try EnginePacket(text: text.bytes.span) }
    }

    @Test(
        "a binary message of a websocket is data as it is", arguments: [[], [1, 2, 3, 4], [0x34, 0xFF]] as [[UInt8]])
    func binary(_ data: [UInt8]) {
        let packet = EnginePacket(binary: data.span)
        #expect(packet.kind == .message)
        #expect(packet.encoding == .binary)
        #expect(packet.withData(in: data.span) { [UInt8](copying: $0) } == data)
    }
}
