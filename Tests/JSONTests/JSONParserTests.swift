import JSON
import Testing

@Suite struct JSONParserTests {
    private let parser = JSONParser(maximumDepth: 4, maximumLength: 1000)

    @Test(
        "what RFC 8259 calls a JSON text is read",
        arguments: [
            ("null", "null"), ("true", "true"), ("false", "false"), ("0", "0"), ("-0.0", "-0.0"), ("\"\"", "\"\""),
            ("[]", "[]"), ("{}", "{}"), (" \t\r\n[ 1 ,\n2\t]\r ", "[1,2]"), (" { \"a\" : [ { } ] } ", #"{"a":[{}]}"#),
            ("1e2", "100.0"), ("1E+2", "100.0"), ("1.5e-1", "0.15"), ("0e0", "0.0"), ("0.10", "0.1"),
            (#""\"\\\/\b\f\n\r\t""#, #""\"\\/\b\f\n\r\t""#), (#""\u0041\u00e9\u20AC""#, "\"Aé€\""),
            (#""\ud83d\ude00""#, "\"😀\""), (#""\u0000\u001f""#, #""\u0000\u001f""#), ("\"\u{7F}\"", "\"\u{7F}\""),
            (#"{"":1}"#, #"{"":1}"#), (#"{"a":1,"a":2}"#, #"{"a":1,"a":2}"#),
            ("\"\u{FEFF}\u{FFFF}\"", "\"\u{FEFF}\u{FFFF}\""),
        ])
    func grammar(_ input: String, _ compact: String) throws {
        #expect(try text(parser.parse(Array(input.utf8).span)) == compact)
    }

    @Test(
        "what is no JSON text is refused",
        arguments: [
            "", " ", "\n\t", "nul", "nulll", "True", "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+",
            "0x1",
            "1 2", "[] []", "{}x", "null\0", "\u{FEFF}null", "// no", "[1,]", "[,1]", "[1 2]", "[", "]", "[}", "[1",
            "{", "}", "{]", "{\"a\"}", "{\"a\":}", "{\"a\" 1}", "{\"a\":1,}", "{,}", "{1:1}", "{a:1}", "{'a':1}",
            "{\"a\":1 \"b\":2}", "\"", "\"\\\"", "'a'", "\"\n\"", "\"\t\"", "\"\0\"", #""\x""#, #""\a""#, #""\u12""#,
            #""\u12g4""#,
            #""\U0041""#, "\u{A0}1", "\u{2028}1",
        ])
    func refusedGrammar(_ input: String) {
        #expect(throws: JSONError.malformed) { try parser.parse(Array(input.utf8).span) }
    }

    @Test(
        "half of a surrogate pair is refused, in values and names",
        arguments: [
            #"\ud800"#, #"\udbff"#, #"\udc00"#, #"\udfff"#, #"\ud800x"#, #"\ud800\n"#, #"\ud800\u0041"#,
            #"\ud800\ud800"#,
            #"\udc00\ud800"#, #"x\ude00"#, #"\ud800\"#, #"\ud83d\ude00\ude00"#,
        ])
    func loneSurrogates(_ escape: String) {
        for input in ["\"\(escape)\"", "{\"\(escape)\":1}", "[\"a\",\"\(escape)\",\"b\"]"] {
            #expect(throws: JSONError.malformed) { try parser.parse(Array(input.utf8).span) }
        }
    }

    @Test(
        "bytes that are not UTF-8 are refused",
        arguments: [
            [0x80], [0xBF], [0xC3], [0xC0, 0xAF], [0xC1, 0xBF], [0xE2, 0x82], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80],
            [0xED, 0xBF, 0xBF], [0xF0, 0x9F, 0x98], [0xF0, 0x80, 0x80, 0xAF], [0xF4, 0x90, 0x80, 0x80],
            [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        ] as [[UInt8]])
    func invalidUTF8(_ bytes: [UInt8]) {
        for padding in [0, 30, 61, 62, 63, 64, 200] {
            let filler = [UInt8](repeating: UInt8(ascii: "a"), count: padding)
            let input = [UInt8(ascii: "\"")] + filler + bytes + filler + [UInt8(ascii: "\"")]
            #expect(throws: JSONError.malformed) { try parser.parse(input.span) }
        }
        #expect(throws: JSONError.malformed) { try parser.parse((Array("[1]".utf8) + bytes).span) }
    }

    @Test("every prefix of a document is refused, and the whole is read")
    func prefixes() throws {
        let whole = Array(
            #"{"type":"chat é😀\u0041\ud83d\ude00","id":-12.5e3,"x":[true,false,null,{"y":{}}],"n":[]}"#.utf8)
        for length in 0..<whole.count {
            #expect(throws: JSONError.malformed) { try parser.parse(whole.span.extracting(first: length)) }
        }
        #expect(try parser.parse(whole.span).isObject)
    }

    @Test(
        "a value may lie in as many containers as allowed, and no more",
        arguments: [
            ("[[[[0]]]]", nil), ("[[[[{}]]]]", nil), (#"{"a":{"a":{"a":{"a":"b"}}}}"#, nil),
            ("[[],[[]],[[[[]]]],{}]", nil),
            ("[[[[[0]]]]]", .tooDeep), (#"{"a":{"a":{"a":{"a":{"a":0}}}}}"#, .tooDeep), ("[[[[[[]]]]]]", .tooDeep),
            ("[[[[[[", .malformed),
        ] as [(String, JSONError?)])
    func depth(_ input: String, _ expected: JSONError?) {
        #expect(refusal(of: Array(input.utf8)) == expected)
    }

    @Test("without another wish, 64 containers are allowed")
    func defaultDepth() throws {
        let parser = JSONParser(maximumLength: 1000)
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + "0" + String(repeating: "]", count: depth)).utf8)
        }
        #expect(try parser.parse(nested(64).span).isArray)
        #expect(throws: JSONError.tooDeep) { try parser.parse(nested(65).span) }
    }

    @Test("a document may be as long as allowed, and no longer", arguments: [1, 33, 999, 1000])
    func length(_ maximum: Int) throws {
        let parser = JSONParser(maximumLength: maximum)
        let longest = [UInt8](repeating: UInt8(ascii: " "), count: maximum - 1) + [UInt8(ascii: "1")]
        #expect(try parser.parse(longest.span).int64 == 1)
        #expect(throws: JSONError.tooLong) { try parser.parse((longest + [UInt8(ascii: " ")]).span) }
    }

    @Test(
        "numbers beyond 64 bits, or beyond a double, are refused",
        arguments: [
            "18446744073709551616", "-9223372036854775809", "123456789012345678901234567890", "1e309", "-1e400",
            "[1, 99999999999999999999]",
        ])
    func hugeNumbers(_ input: String) {
        #expect(refusal(of: Array(input.utf8)) == .malformed)
    }

    @Test("a parser goes on after a refusal, and between long and short documents")
    func reuse() throws {
        let parser = JSONParser(maximumLength: 1 << 21)
        for length in [10, 5_000, 70_000, 10, 200_000, 65_536, 65_537, 3, 100_000, 0] {
            let text = String(repeating: "é", count: length)
            #expect(try parser.parse(Array("{\"text\":\"\(text)\"}".utf8).span)["text"]?.string == text)
            #expect(throws: JSONError.malformed) { try parser.parse(Array("[\"\(text)\"".utf8).span) }
            let array = "[" + String(repeating: "0,", count: length) + "1]"
            #expect(try parser.parse(Array(array.utf8).span).count == length + 1)
        }
    }

    @Test("a value is looked at no more once its parser has read another document, or is gone")
    func staleness() async {
        await #expect(processExitsWith: .failure) {
            let parser = JSONParser(maximumLength: 1000)
            let value = try parser.parse([0x31].span)
            _ = try parser.parse([0x32].span)
            _ = value.int64
        }
        await #expect(processExitsWith: .failure) { _ = JSONParserTests.orphan().int64 }
        await #expect(processExitsWith: .failure) {
            let orphan = JSONParserTests.orphan()
            // This one may have taken the other's place.
            let parser = JSONParser(maximumLength: 1000)
            _ = try withExtendedLifetime(parser) { try parser.parse([0x32].span).int64.map { _ in orphan.int64 } }
        }
    }

    private static func orphan() -> JSONValue { JSONParser.reading([0x31].span, maximumLength: 1000) { $0! } }

    @Test(
        "one document is read, looked at and forgotten",
        arguments: [("5", 5), ("[", nil), ("", nil)] as [(String, Int64?)])
    func single(_ input: String, _ expected: Int64?) {
        #expect(JSONParser.reading(Array(input.utf8).span, maximumLength: 10) { $0?.int64 } == expected)
    }

    private func refusal(of input: [UInt8]) -> JSONError? {
        do throws(JSONError) {
            _ = try parser.parse(input.span)
            return nil
        } catch {
            return error
        }
    }

    private func text(_ value: JSONValue) -> String {
        var json = JSONWriter()
        value.write(into: &json)
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
