import JSON
import SocketIO
import Testing

@Suite struct SocketPacketDecoderTests {
    /// A packet as what it says.
    struct Seen: Equatable {
        var kind: SocketPacket.Kind
        var namespace = "/"
        var id: UInt64?
        var data: String?
        var attachments: [[UInt8]] = []

        init(
            _ kind: SocketPacket.Kind, _ namespace: String = "/", id: UInt64? = nil, _ data: String? = nil,
            _ attachments: [[UInt8]] = []
        ) {
            self.kind = kind
            self.namespace = namespace
            self.id = id
            self.data = data
            self.attachments = attachments
        }

        init(_ packet: SocketPacket) {
            self.init(
                packet.kind, packet.namespace, id: packet.id, packet.data.map(SocketPacketDecoderTests.text),
                packet.attachments)
        }
    }

    private let parser = JSONParser(maximumLength: 10_000)

    private func decode(_ text: String, _ attachments: [[UInt8]] = []) throws(SocketPacketError) -> Seen? {
        var decoder = SocketPacketDecoder()
        if let packet = try decoder.decode(text: text.bytes.span, with: parser) { return Seen(packet) }
        for attachment in attachments {
            if let packet = try decoder.decode(binary: attachment.span, with: parser) { return Seen(packet) }
        }
        return nil
    }

    /// Every packet that the protocol's document encodes.
    static let examples: [(text: String, attachments: [[UInt8]], packet: Seen)] = [
        ("0", [], Seen(.connect)),
        (#"0{"sid":"wZX3oN0bSVIhsaknAAAI"}"#, [], Seen(.connect, "/", #"{"sid":"wZX3oN0bSVIhsaknAAAI"}"#)),
        ("0/admin,", [], Seen(.connect, "/admin")),
        (#"0/admin,{"sid":"oSO0"}"#, [], Seen(.connect, "/admin", #"{"sid":"oSO0"}"#)),
        (#"4{"message":"Not authorized"}"#, [], Seen(.connectError, "/", #"{"message":"Not authorized"}"#)),
        (#"2["foo"]"#, [], Seen(.event, "/", #"["foo"]"#)),
        (#"2/admin,["bar"]"#, [], Seen(.event, "/admin", #"["bar"]"#)),
        (
            #"51-["baz",{"_placeholder":true,"num":0}]"#, [[1, 2, 3, 4]],
            Seen(.event, "/", #"["baz",{"_placeholder":true,"num":0}]"#, [[1, 2, 3, 4]])
        ),
        (
            #"52-/admin,["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#, [[1, 2], [3, 4]],
            Seen(
                .event, "/admin", #"["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
                [[1, 2], [3, 4]])
        ),
        (#"212["foo"]"#, [], Seen(.event, "/", id: 12, #"["foo"]"#)),
        ("312[]", [], Seen(.acknowledgement, "/", id: 12, "[]")),
        (#"2/admin,13["foo"]"#, [], Seen(.event, "/admin", id: 13, #"["foo"]"#)),
        (#"3/admin,13["bar"]"#, [], Seen(.acknowledgement, "/admin", id: 13, #"["bar"]"#)),
        (
            #"51-14["foo",{"_placeholder":true,"num":0}]"#, [[1, 2, 3, 4]],
            Seen(.event, "/", id: 14, #"["foo",{"_placeholder":true,"num":0}]"#, [[1, 2, 3, 4]])
        ),
        (#"314["bar"]"#, [], Seen(.acknowledgement, "/", id: 14, #"["bar"]"#)),
        (
            #"61-15["bar",{"_placeholder":true,"num":0}]"#, [[1, 2, 3, 4]],
            Seen(.acknowledgement, "/", id: 15, #"["bar",{"_placeholder":true,"num":0}]"#, [[1, 2, 3, 4]])
        ),
        (
            #"61-/admin,1[{"_placeholder":true,"num":0}]"#, [[]],
            Seen(.acknowledgement, "/admin", id: 1, #"[{"_placeholder":true,"num":0}]"#, [[]])
        ),
        ("1", [], Seen(.disconnect)),
        ("1/admin,", [], Seen(.disconnect, "/admin")),
        // Nothing follows the namespace, so nothing must end it.
        ("0/random", [], Seen(.connect, "/random")),
        ("1/custom", [], Seen(.disconnect, "/custom")),
        (#"2[17,"numbered"]"#, [], Seen(.event, "/", #"[17,"numbered"]"#)),
        (#"2/a/b?c=d,["e"]"#, [], Seen(.event, "/a/b?c=d", #"["e"]"#)),
        ("218446744073709551615[\"a\"]", [], Seen(.event, "/", id: .max, #"["a"]"#)),
    ]

    @Test("the examples of the protocol are read", arguments: examples)
    func example(_ text: String, _ attachments: [[UInt8]], _ packet: Seen) throws {
        #expect(try decode(text, attachments) == packet)
    }

    static let refusals: [(text: String, error: SocketPacketError)] = [
        ("", .unknownKind), ("7", .unknownKind), ("abc", .unknownKind), ("/", .unknownKind), ("9[]", .unknownKind),
        ("0null", .illegalData), ("0[]", .illegalData), ("0{", .illegalData), (#"0"a""#, .illegalData),
        ("1{}", .illegalData), ("1[]", .illegalData), ("1x", .illegalData),
        ("2", .illegalData), ("2{}", .illegalData), ("2[]", .illegalData), ("2[null]", .illegalData),
        ("2[{}]", .illegalData), ("2[true]", .illegalData), (#"2["a""#, .illegalData), (#"2["a"]x"#, .illegalData),
        (#"2abc["a"]"#, .illegalData), (#"212a["a"]"#, .illegalData), (#"2-1["a"]"#, .illegalData),
        (#"2/admin["a"]"#, .illegalData), ("2/admin,", .illegalData), ("212", .illegalData),
        (#"2["connect"]"#, .reservedEvent), (#"2["connect_error"]"#, .reservedEvent),
        (#"2["disconnect",1]"#, .reservedEvent), (#"2["disconnecting"]"#, .reservedEvent),
        (#"2["newListener"]"#, .reservedEvent), (#"2["removeListener"]"#, .reservedEvent),
        ("3[]", .illegalData), ("31", .illegalData), ("31{}", .illegalData),
        ("4", .illegalData), ("4[]", .illegalData), ("41", .illegalData),
        (#"5["a"]"#, .illegalAttachments), (#"5-["a"]"#, .illegalAttachments), (#"50-["a"]"#, .illegalAttachments),
        (#"51["a"]"#, .illegalAttachments), (#"51"#, .illegalAttachments), (#"5a-["a"]"#, .illegalAttachments),
        (#"51.5-["a"]"#, .illegalAttachments), (#"599999999999999999999-["a"]"#, .illegalAttachments),
        (#"511-["a"]"#, .tooManyAttachments), (#"61000000-1[]"#, .tooManyAttachments),
        ("51-", .illegalData), ("51-[]", .illegalData), ("61-[]", .illegalData),
        (#"51-["a",{"_placeholder":true,"num":1}]"#, .illegalPlaceholder),
        (#"51-["a",{"_placeholder":true,"num":-1}]"#, .illegalPlaceholder),
        (#"51-["a",{"_placeholder":true,"num":"0"}]"#, .illegalPlaceholder),
        (#"51-["a",{"b":[{"_placeholder":true}]}]"#, .illegalPlaceholder),
        ("218446744073709551616[\"a\"]", .idTooLarge),
    ]

    @Test("what breaks a rule is refused", arguments: refusals)
    func refusal(_ text: String, _ error: SocketPacketError) {
        #expect(throws: error) { try decode(text) }
    }

    @Test("every prefix of a packet is refused, or another packet")
    func prefixes() {
        let text = #"52-/admin,12["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#
        for length in 0..<text.utf8.count {
            #expect(throws: SocketPacketError.self) { try decode(String(text.prefix(length))) }
        }
    }

    @Test("a text where an attachment is missing is refused")
    func interrupted() throws {
        var decoder = SocketPacketDecoder()
        _ = try decoder.decode(text: #"51-["a",{"_placeholder":true,"num":0}]"#.bytes.span, with: parser)
        #expect(decoder.isWaiting)
        #expect(throws: SocketPacketError.attachmentMissing) {
            try decoder.decode(text: #"2["b"]"#.bytes.span, with: parser)
        }
    }

    @Test("an attachment of nothing is refused, and so is one too many")
    func unexpected() throws {
        var decoder = SocketPacketDecoder()
        #expect(throws: SocketPacketError.unexpectedAttachment) {
            try decoder.decode(binary: [1].span, with: parser)
        }
        _ = try decoder.decode(text: #"51-["a"]"#.bytes.span, with: parser)
        #expect(try decoder.decode(binary: [1].span, with: parser) != nil)
        #expect(!decoder.isWaiting)
        #expect(throws: SocketPacketError.unexpectedAttachment) {
            try decoder.decode(binary: [1].span, with: parser)
        }
    }

    @Test("attachments are as many as allowed, and no more")
    func attachmentLimit() throws {
        var decoder = SocketPacketDecoder(maximumAttachments: 2)
        #expect(try decoder.decode(text: #"52-["a"]"#.bytes.span, with: parser) == nil)
        decoder = SocketPacketDecoder(maximumAttachments: 2)
        #expect(throws: SocketPacketError.tooManyAttachments) {
            try decoder.decode(text: #"53-["a"]"#.bytes.span, with: parser)
        }
    }

    @Test("a text and its attachments together are as long as allowed, and no longer")
    func lengthLimit() throws {
        let text = #"52-["a"]"#
        var decoder = SocketPacketDecoder(maximumLength: text.utf8.count + 3)
        _ = try decoder.decode(text: text.bytes.span, with: parser)
        #expect(try decoder.decode(binary: [1, 2].span, with: parser) == nil)
        #expect(try decoder.decode(binary: [3].span, with: parser)?.attachments == [[1, 2], [3]])
        _ = try decoder.decode(text: text.bytes.span, with: parser)
        _ = try decoder.decode(binary: [1, 2].span, with: parser)
        #expect(throws: SocketPacketError.tooLong) { try decoder.decode(binary: [3, 4].span, with: parser) }
        decoder = SocketPacketDecoder(maximumLength: 5)
        #expect(throws: SocketPacketError.tooLong) { try decoder.decode(text: #"2["a"]"#.bytes.span, with: parser) }
    }

    @Test("an event has a name and arguments, and placeholders their attachments")
    func parts() throws {
        var decoder = SocketPacketDecoder()
        let text = #"52-["a",1,{"_placeholder":true,"num":1},{"num":0}]"#
        _ = try decoder.decode(text: text.bytes.span, with: parser)
        _ = try decoder.decode(binary: [1].span, with: parser)
        let packet = try #require(try decoder.decode(binary: [2].span, with: parser))
        #expect(packet.name?.string == "a")
        var arguments: [String] = []
        var attachments: [[UInt8]?] = []
        packet.forEachArgument {
            arguments.append(Self.text($0))
            attachments.append(packet.attachment(for: $0))
        }
        #expect(arguments == ["1", #"{"_placeholder":true,"num":1}"#, #"{"num":0}"#])
        #expect(attachments == [nil, [2], nil])
    }

    @Test("what looks like a placeholder is data where there are no attachments")
    func lookalike() throws {
        let text = #"2["a",{"_placeholder":true,"num":7}]"#
        #expect(try decode(text) == Seen(.event, "/", String(text.dropFirst())))
    }

    @Test("an acknowledgement has no name")
    func acknowledgement() throws {
        var decoder = SocketPacketDecoder()
        let packet = try #require(try decoder.decode(text: #"31["a",2]"#.bytes.span, with: parser))
        #expect(packet.name == nil)
        var arguments: [String] = []
        packet.forEachArgument { arguments.append(Self.text($0)) }
        #expect(arguments == [#""a""#, "2"])
    }

    fileprivate static func text(_ value: JSONValue) -> String {
        var json = JSONWriter()
        json.append(value)
        return String(json.bytes)
    }
}
