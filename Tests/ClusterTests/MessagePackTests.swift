import Cluster
import JSON
import Testing

@Suite struct MessagePackTests {
    /// What Python's msgpack 1.2.4 makes of one of everything.
    static let python = bytes(
        """
        89a474797065a66e6f74696679a57469746c65a74772c3bcc39f65a16edc0015007fcc80ccffcd0100cdffffce00010000ceffffffffcf\
        0000000100000000cf7fffffffffffffffcfffffffffffffffffffe0d0dfd080d1ff7fd18000d2ffff7fffd280000000d3ffffffff7fff\
        ffffd38000000000000000a16692cb3fe0000000000000cbfe37e43c8800759ca162c40200ffa174c3a178c0a16d80a173d92861616161\
        616161616161616161616161616161616161616161616161616161616161616161616161
        """)

    @Test("what Python packs is read")
    func values() throws {
        let value = try MessagePack.decode(Self.python)
        #expect(value["type"]?.string == "notify")
        #expect(value["title"]?.string == "Grüße")
        let numbers: [Int64] = [
            -1, -32, -33, -128, -129, -32768, -32769, -2_147_483_648, -2_147_483_649, .min,
        ]
        let more: [Int64] = [0, 127, 128, 255, 256, 65535, 65536, 4_294_967_295, 4_294_967_296, .max]
        #expect(value["n"] == .array(more.map { .integer($0) } + [.unsigned(.max)] + numbers.map { .integer($0) }))
        #expect(value["f"] == .array([.double(0.5), .double(-1e300)]))
        #expect(value["b"] == .bytes([0, 255]))
        #expect(value["t"] == .bool(true))
        #expect(value["x"] == .null)
        #expect(value["m"] == .map([]))
        #expect(value["s"]?.string == String(repeating: "a", count: 40))
        #expect(!value.isJSON)
    }

    @Test("no part of it is taken for the whole", arguments: 0..<python.count)
    func prefixes(_ count: Int) {
        #expect(throws: MessagePack.Malformed.length) { try MessagePack.decode(Array(Self.python[..<count])) }
    }

    @Test("nor is more than the whole")
    func more() { #expect(throws: MessagePack.Malformed.length) { try MessagePack.decode([0xC0, 0xC0]) } }

    @Test(
        "what announces more than there is takes no memory for it",
        arguments: ["ddffffffff", "dfffffffff", "dbffffffff", "c6ffffffff", "c9ffffffff00", "9f", "8f", "dcffff00"])
    func claims(_ text: String) {
        #expect(throws: MessagePack.Malformed.length) { try MessagePack.decode(bytes(text)) }
    }

    @Test("as many arrays and maps may enclose a value as JSON's reader allows, and one more may not")
    func depth() throws {
        let limit = MessagePack.maximumDepth
        _ = try MessagePack.decode([UInt8](repeating: 0x91, count: limit) + [0xC0])
        #expect(throws: MessagePack.Malformed.tooDeep) {
            try MessagePack.decode([UInt8](repeating: 0x91, count: limit + 1) + [0xC0])
        }
        #expect(throws: MessagePack.Malformed.tooDeep) {
            try MessagePack.decode(bytes(String(repeating: "81a161", count: 100_000) + "c0"))
        }
    }

    @Test("keys are strings, strings are UTF-8, and c1 begins nothing")
    func refusals() {
        #expect(throws: MessagePack.Malformed.notAllowed) { try MessagePack.decode(bytes("810102")) }
        #expect(throws: MessagePack.Malformed.notAllowed) { try MessagePack.decode([0xC1]) }
        #expect(throws: MessagePack.Malformed.notUTF8) { try MessagePack.decode([0xA1, 0xFF]) }
    }

    @Test("as JSON, numbers keep their value, and what has no word there is null")
    func json() throws {
        var json = JSONWriter()
        json.append(try MessagePack.decode(bytes("97cfffffffffffffffffd0dfca3f000000cb7ff0000000000000a122c0c40101")))
        #expect(String(decoding: json.bytes, as: UTF8.self) == #"[18446744073709551615,-33,0.5,null,"\"",null,null]"#)
    }
}

/// Bytes that are written as hexadecimal digits.
func bytes(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8)
    return stride(from: 0, to: digits.count, by: 2).map { index in
        UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16)!
    }
}
