import JSON
import Testing

@testable import Cluster

@Suite struct EmissionTests {
    private let parser = JSONParser(maximumLength: 1 << 20)

    private func node(_ value: PackedValue) throws -> Emission {
        try Emission(nodeEvent: Array(packed(value)[ChannelMessage.randomPrefix...]))
    }

    private func event(
        _ data: [PackedValue], type: Int64 = 2, namespace: String = "/", rooms: [PackedValue] = []
    ) -> PackedValue {
        .array([
            .string("emitter"),
            .map([
                .init(key: "type", value: .integer(type)), .init(key: "data", value: .array(data)),
                .init(key: "nsp", value: .string(namespace)),
            ]),
            .map([
                .init(key: "rooms", value: .array(rooms)), .init(key: "flags", value: .map([])),
                .init(key: "except", value: .array([.string("user_2")])),
            ]),
        ])
    }

    @Test(
        "an attachment of python-socketio is Base64, in whole groups and padded",
        arguments: [
            ("", []), ("AQ==", [1]), ("AQI=", [1, 2]), ("AQID", [1, 2, 3]), ("+/+/", [0xFB, 0xFF, 0xBF]), ("A", nil),
            ("A===", nil), ("AQ==AQ==", nil), ("-_-_", nil),
            (#"AQ \n"#, nil),
        ] as [(String, [UInt8]?)])
    func base64(_ text: String, _ expected: [UInt8]?) throws {
        let message =
            #"{"method":"emit","event":"a","data":[[{"_placeholder":true,"num":0}],"\#(text)"],"binary":true}"#
        guard let expected else {
            #expect(throws: Emission.Drop.malformed) { try Emission.ofPython(Array(message.utf8), with: parser) }
            return
        }
        let emission = try #require(try Emission.ofPython(Array(message.utf8), with: parser))
        guard case .event(_, let attachments) = emission.order else { throw Emission.Drop.malformed }
        #expect(attachments == [expected])
    }

    private func texts(_ emission: Emission) -> [String] {
        guard case .event(let elements, _) = emission.order else { return [] }
        return elements.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("an event of Node.js keeps its arguments, as JSON.stringify would have them")
    func nodeEvent() throws {
        let emission = try node(
            event(
                [
                    .string("tick"), .double(1.5),
                    .map([.init(key: "a", value: .other(type: 0, [0])), .init(key: "b", value: .bytes([1, 2]))]),
                    .other(type: 0, [0]), .other(type: -1, [0x69, 0x5C, 0xE4, 0x28]), .bytes([3]),
                ], rooms: [.string("user_7"), .integer(5)]))
        #expect(emission.rooms == ["user_7", "5"])
        #expect(emission.except == ["user_2"])
        #expect(
            texts(emission) == [
                #""tick""#, "1.5", #"{"b":{"_placeholder":true,"num":0}}"#, "null", #""2026-01-06T10:30:00.000Z""#,
                #"{"_placeholder":true,"num":1}"#,
            ])
        guard case .event(_, let attachments) = emission.order else { return }
        #expect(attachments == [[1, 2], [3]])
    }

    @Test("what is no event of Node.js, or of another namespace, is dropped")
    func nodeDrops() {
        #expect(throws: Emission.Drop.malformed) { try node(.null) }
        #expect(throws: Emission.Drop.malformed) { try node(event([])) }
        #expect(throws: Emission.Drop.malformed) { try node(event([.integer(1)])) }
        #expect(throws: Emission.Drop.malformed) { try node(event([.string("a")], rooms: [.null])) }
        #expect(throws: Emission.Drop.unknownMethod) { try node(event([.string("a")], type: 3)) }
        #expect(throws: Emission.Drop.unknownNamespace) { try node(event([.string("a")], namespace: "/admin")) }
        #expect(throws: Emission.Drop.tooLong) {
            try node(event([.string("a")] + (0..<11).map { .bytes([$0]) }))
        }
        #expect(throws: Emission.Drop.tooLong) {
            try node(event([.string("a")], rooms: Array(repeating: .string("r"), count: 1001)))
        }
    }

    private func python(_ text: String) throws -> Emission? { try Emission.ofPython(Array(text.utf8), with: parser) }

    @Test("an event of python-socketio keeps its arguments")
    func pythonEvent() throws {
        let emission = try #require(
            try python(
                #"{"method":"emit","event":"tick","data":[{"a":1},"b"],"binary":false,"namespace":"/","room":["user_7"],"#
                    + #""skip_sid":"x","callback":null,"host_id":"h"}"#))
        #expect(emission.rooms == ["user_7"] && emission.except == ["x"])
        #expect(texts(emission) == [#""tick""#, #"{"a":1}"#, #""b""#])
        let binary = try #require(
            try python(
                #"{"method":"emit","event":"tick","data":[[{"_placeholder":true,"num":0}],"AQI="],"binary":true,"#
                    + #""namespace":"/","room":null,"skip_sid":null}"#))
        #expect(binary.rooms == [])
        guard case .event(_, let attachments) = binary.order else { return }
        #expect(attachments == [[1, 2]])
    }

    @Test(
        "rooms and disconnections are orders",
        arguments: [
            (#"{"method":"enter_room","sid":"x","room":"a","namespace":"/"}"#, ["x"], .join(["a"])),
            (#"{"method":"leave_room","sid":"x","room":"a","namespace":"/"}"#, ["x"], .leave(["a"])),
            (#"{"method":"close_room","room":"a","namespace":"/"}"#, ["a"], .leave(["a"])),
            (#"{"method":"disconnect","sid":"x","namespace":"/"}"#, ["x"], .disconnect),
        ] as [(String, [String], Emission.Order)])
    func pythonOrders(_ text: String, _ rooms: [String], _ order: Emission.Order) throws {
        #expect(try python(text) == Emission(rooms: rooms, order: order))
    }

    @Test(
        "what is none of these is dropped",
        arguments: [
            ("\u{80}", .malformed), ("[]", .malformed), (#"{"method":"emit"}"#, .malformed),
            (#"{"method":"emit","event":"a","data":[],"room":{}}"#, .malformed),
            (#"{"method":"emit","event":"a","data":[[],"A"],"binary":true}"#, .malformed),
            (#"{"method":"disconnect"}"#, .malformed), (#"{"method":"enter_room","sid":"x"}"#, .malformed),
            (#"{"method":"emit","event":"a","data":[],"namespace":"/x"}"#, .unknownNamespace),
            (#"{"method":"fly"}"#, .unknownMethod),
        ] as [(String, Emission.Drop)])
    func pythonDrops(_ text: String, _ reason: Emission.Drop) {
        #expect(throws: reason) { try python(text) }
    }

    @Test("a pickle is not read")
    func pickle() {
        #expect(throws: Emission.Drop.pickle) {
            // {'method': 'emit'}
            try Emission.ofPython(bytes("80049516000000000000007d948c066d6574686f64948c04656d697494732e"), with: parser)
        }
        #expect(try! python(#"{"method":"callback"}"#) == nil)
    }

    @Test("requests of Node.js are orders, but for what its servers ask one another")
    func requests() throws {
        func request(_ text: String) throws -> Emission? {
            try Emission.ofNodeRequest(Array(text.utf8), with: parser)
        }
        #expect(
            try request(#"{"type":2,"opts":{"rooms":["user_7"],"except":[]},"rooms":["a","b"]}"#)
                == Emission(rooms: ["user_7"], order: .join(["a", "b"])))
        #expect(
            try request(#"{"type":4,"opts":{"rooms":[],"except":["user_2"]},"close":true}"#)
                == Emission(except: ["user_2"], order: .disconnect))
        for type in [0, 1, 5, 6, 7] { #expect(try request(#"{"uid":"a","type":\#(type)}"#) == nil) }
        #expect(throws: Emission.Drop.malformed) { try request("x") }
        #expect(throws: Emission.Drop.unknownMethod) { try request(#"{"type":99}"#) }
    }
}
