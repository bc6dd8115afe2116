import JSON
import Testing

@Suite struct JSONWriterTests {
    private func written(_ body: (inout JSONWriter) -> Void) -> String {
        var json = JSONWriter()
        body(&json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    @Test("members are parted by commas, whatever their values")
    func members() {
        let name = "dyn\"amic"
        let text = written {
            $0.object {
                $0.member("type", "chat_message")
                $0.member("id", 5)
                $0.member("big", Int64.min)
                $0.member("bigger", UInt64.max)
                $0.member("half", 0.5)
                $0.member("ok", true)
                $0.null("attachment")
                $0.member("absent", nil as String?)
                $0.member("present", 7 as Int?)
                $0.array("items") { $0.append("a") }
                $0.object("data") { $0.member("x", false) }
                $0.raw("raw", Array("[1,2]".utf8))
                $0.member(key: name, 1)
                $0.object(key: name) { _ in }
                $0.array(key: name) { _ in }
            }
        }
        #expect(
            text
                == #"{"type":"chat_message","id":5,"big":-9223372036854775808,"bigger":18446744073709551615,"half":0.5,"#
                + #""ok":true,"attachment":null,"absent":null,"present":7,"items":["a"],"data":{"x":false},"raw":[1,2],"#
                + #""dyn\"amic":1,"dyn\"amic":{},"dyn\"amic":[]}"#)
    }

    @Test("elements are parted by commas, whatever their values")
    func elements() {
        let text = written {
            $0.array {
                $0.append("a")
                $0.append(-1)
                $0.null()
                $0.array { _ in }
                $0.array { $0.append(true) }
                $0.object { _ in }
                $0.object { $0.member("n", 1.5) }
                $0.raw(Array("{}".utf8))
                $0.append(nil as Int?)
                $0.append("z")
            }
        }
        #expect(text == #"["a",-1,null,[],[true],{},{"n":1.5},{},null,"z"]"#)
    }

    @Test("a document is written behind what is there")
    func behind() {
        var json = JSONWriter(behind: Array("42".utf8))
        json.array { $0.append(1) }
        #expect(json.bytes == Array("42[1]".utf8))
    }

    @Test("an array goes on behind bytes that end with its bracket, and leaves what is shared alone")
    func inArray() {
        let head = Array("42[".utf8)
        var json = JSONWriter(inArrayBehind: head)
        json.append("a")
        json.append(1)
        #expect(json.finishArray() == Array(#"42["a",1]"#.utf8))
        #expect(head == Array("42[".utf8))
    }

    @Test("a document may be any value")
    func topLevel() {
        #expect(written { $0.append("x") } == "\"x\"")
        #expect(written { $0.append(0) } == "0")
        #expect(written { $0.null() } == "null")
        #expect(written { $0.object { _ in } } == "{}")
        #expect(written { $0.array { _ in } } == "[]")
    }

    @Test(
        "only what must be escaped is",
        arguments: [
            ("", ""), ("abc/é€😀\u{7F}\u{2028}", "abc/é€😀\u{7F}\u{2028}"), ("\"", #"\""#), ("\\", #"\\"#),
            ("\n\r\t\u{8}\u{C}", #"\n\r\t\b\f"#), ("\0", #"\u0000"#), ("\u{1}\u{B}\u{F}", #"\u0001\u000b\u000f"#),
            ("\u{10}\u{1A}\u{1F}", #"\u0010\u001a\u001f"#), ("a\nb", #"a\nb"#), ("\na", #"\na"#), ("a\n", #"a\n"#),
        ])
    func escapes(_ text: String, _ expected: String) {
        #expect(written { $0.append(text) } == "\"\(expected)\"")
        #expect(written { json in json.object { $0.member(key: text, 0) } } == "{\"\(expected)\":0}")
    }

    @Test("every one of the first 256 scalars is escaped where RFC 8259 asks for it, at any place in a string")
    func everyScalar() throws {
        let parser = JSONParser(maximumLength: 1000)
        for scalar in (0..<256).compactMap(Unicode.Scalar.init) {
            for padding in [0, 1, 15, 16, 31, 40] {
                let filler = String(repeating: "x", count: padding)
                let text = filler + String(Character(scalar)) + filler
                var json = JSONWriter()
                json.append(text)
                let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
                #expect((json.bytes.count > text.utf8.count + 2) == mustEscape)
                #expect(
                    try parser.parse(json.bytes.span).string?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
            }
        }
    }

    @Test(
        "integers are written in full",
        arguments: [0, 1, -1, 9, 10, -10, 99, 100, 1_234_567_890, .max, .min] as [Int64])
    func integers(_ number: Int64) {
        #expect(written { $0.append(number) } == String(number))
        #expect(written { $0.append(Int(number)) } == String(number))
        #expect(written { $0.append(number.magnitude) } == String(number.magnitude))
    }

    @Test("so are those of all lengths", arguments: 0...63)
    func powersOfTwo(_ exponent: Int) {
        let number = (1 as UInt64) << exponent
        for number in [number, number &+ (number - 1)] { #expect(written { $0.append(number) } == String(number)) }
    }

    @Test(
        "doubles are written so that they read back as the same, or as null where JSON has no word",
        arguments: [
            (0, "0.0"), (-0.0, "-0.0"), (0.1, "0.1"), (5, "5.0"), (1e100, "1e+100"), (.leastNonzeroMagnitude, "5e-324"),
            (.greatestFiniteMagnitude, "1.7976931348623157e+308"), (.infinity, "null"), (-.infinity, "null"),
            (.nan, "null"), (.signalingNaN, "null"),
        ] as [(Double, String)])
    func doubles(_ number: Double, _ expected: String) {
        #expect(written { $0.append(number) } == expected)
    }

    @Test("an error in a body comes out as it is")
    func bodiesThrow() {
        struct Enough: Error {}
        #expect(throws: Enough.self) {
            var json = JSONWriter()
            try json.object { json throws(Enough) in
                try json.array("a") { _ throws(Enough) in throw Enough() }
            }
        }
    }

    @Test("a type of its own is written where a value stands")
    func ownTypes() {
        struct Point: JSONWritable {
            var x: Int
            var y: Int

            func write(into json: inout JSONWriter) {
                json.array {
                    $0.append(x)
                    $0.append(y)
                }
            }
        }
        #expect(written { json in json.object { $0.member("at", Point(x: 1, y: 2)) } } == #"{"at":[1,2]}"#)
    }
}
