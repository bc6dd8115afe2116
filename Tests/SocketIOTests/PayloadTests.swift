import SocketIO
import Testing

@Suite struct PayloadTests {
    /// The packets of a payload, each as its kind and its data.
    private func read(_ payload: [UInt8], maximumLength: Int = 1000) throws(EngineError) -> [String] {
        var decoder = try PayloadDecoder(payload.span, maximumLength: maximumLength)
        var packets: [String] = []
        while let packet = try decoder.next(in: payload.span) {
            let data = packet.withData(in: payload.span) { [UInt8](copying: $0) }
            packets.append("\(packet.kind) \(packet.isText ? String(data) : "\(data)")")
        }
        return packets
    }

    @Test("the examples of the protocol are read")
    func examples() throws {
        #expect(try read("4hello\u{1E}2\u{1E}4world".bytes) == ["message hello", "ping ", "message world"])
        #expect(try read("4hello\u{1E}bAQIDBA==".bytes) == ["message hello", "message [1, 2, 3, 4]"])
        #expect(try read(#"42["hello"]\#u{1E}42["world"]"#.bytes) == [#"message 2["hello"]"#, #"message 2["world"]"#])
    }

    @Test("one packet has no separator")
    func single() throws {
        #expect(try read("3".bytes) == ["pong "])
        #expect(try read("b".bytes) == ["message []"])
    }

    @Test(
        "an empty packet is none, wherever it is",
        arguments: ["", "\u{1E}", "4a\u{1E}", "\u{1E}4a", "4a\u{1E}\u{1E}4b"])
    func empty(_ payload: String) {
        #expect(throws: EngineError.notAPacket) { try read(payload.bytes) }
    }

    @Test("packets before the bad one are given")
    func order() throws {
        let payload = "4a\u{1E}x".bytes
        var decoder = try PayloadDecoder(payload.span, maximumLength: 10)
        #expect(try decoder.next(in: payload.span)?.data == 1..<2)
        #expect(throws: EngineError.notAPacket) { try decoder.next(in: payload.span) }
    }

    @Test("maxPayload is the most")
    func limit() throws {
        #expect(try read("4abc".bytes, maximumLength: 4) == ["message abc"])
        #expect(throws: EngineError.tooLong) { try read("4abcd".bytes, maximumLength: 4) }
    }

    @Test(
        "what is not UTF-8 is refused",
        arguments: [[0x34, 0xFF], [0x34, 0xC3], [0x34, 0xED, 0xA0, 0x80]] as [[UInt8]])
    func notUTF8(_ payload: [UInt8]) {
        #expect(throws: EngineError.notUTF8) { try read(payload) }
    }

    static let packets: [OutgoingPacket] = [
        .text("4hello"), .binary([]), .text("2"), .binary([1]), .binary([1, 2]), .binary([1, 2, 3]), .text("4ü"),
        .binary(ArraySlice(0...255)),
    ]

    @Test("what is written reads back, and is as long as foretold")
    func roundTrip() throws {
        var payload: [UInt8] = []
        for packet in Self.packets { Payload.append(packet, to: &payload) }
        #expect(payload.count == Self.packets.reduce(Self.packets.count - 1) { $0 + Payload.length(of: $1) })
        #expect(
            try read(payload) == [
                "message hello", "message []", "ping ", "message [1]", "message [1, 2]", "message [1, 2, 3]",
                "message ü", "message \(Array(0...255))",
            ])
    }

    @Test("the example of the protocol is written")
    func written() {
        var payload: [UInt8] = []
        Payload.append(.text("4hello"), to: &payload)
        Payload.append(.binary([1, 2, 3, 4]), to: &payload)
        #expect(payload == "4hello\u{1E}bAQIDBA==".bytes)
    }
}

extension OutgoingPacket {
    /// A text packet.
    static func text(_ text: String) -> OutgoingPacket { .text(text.bytes[...]) }
}
