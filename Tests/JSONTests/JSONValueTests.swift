import JSON
import Testing

@Suite struct JSONValueTests {
    private let parser = JSONParser(maximumLength: 1 << 20)

    private func parse(_ text: String) throws -> JSONValue {
        try parser.parse(Array(text.utf8).span)
    }

    @Test(
        "an integer is one written as such that fits Int64",
        arguments: [
            ("0", 0), ("-0", 0), ("5", 5), ("-9223372036854775808", .min), ("9223372036854775807", .max),
            ("9223372036854775808", nil), ("18446744073709551615", nil), ("5.0", nil), ("5e0", nil), ("\"5\"", nil),
            ("true", nil), ("null", nil), ("[5]", nil), ("{}", nil),
        ] as [(String, Int64?)])
    func integers(_ text: String, _ expected: Int64?) throws {
        #expect(try parse(text).int64 == expected)
    }

    @Test(
        "any number is a double",
        arguments: [
            ("0", 0), ("-5", -5), ("5.25", 5.25), ("1e308", 1e308), ("5e-324", .leastNonzeroMagnitude), ("1e-400", 0),
            ("0.1", 0.1), ("9007199254740993", 9_007_199_254_740_992), ("18446744073709551615", 0x1p64),
            ("\"5\"", nil), ("false", nil), ("null", nil), ("[]", nil),
        ] as [(String, Double?)])
    func doubles(_ text: String, _ expected: Double?) throws {
        #expect(try parse(text).double == expected)
    }

    @Test("negative zero keeps its sign")
    func negativeZero() throws {
        #expect(try parse("-0.0").double?.sign == .minus)
    }

    @Test(
        "a value is of one kind only",
        arguments: [
            ("null", "null"), ("true", "bool"), ("false", "bool"), ("0", ""), ("1.5", ""), ("18446744073709551615", ""),
            ("\"null\"", "string"), ("[null]", "array"), ("{\"a\":true}", "object"),
        ])
    func kinds(_ text: String, _ expected: String) throws {
        let value = try parse(text)
        let kinds = [
            value.isNull ? "null" : "", value.bool != nil ? "bool" : "", value.isString ? "string" : "",
            value.isArray ? "array" : "", value.isObject ? "object" : "",
        ]
        #expect(kinds.joined() == expected)
        #expect((value.string != nil) == value.isString)
        #expect((value.unicodeScalarCount != nil) == value.isString)
        #expect((value.withUTF8 { _ in true } != nil) == value.isString)
    }

    @Test("true and false are told apart")
    func bools() throws {
        #expect(try parse("true").bool == true)
        #expect(try parse("false").bool == false)
    }

    @Test(
        "a string is unescaped, and its Unicode scalars are counted",
        arguments: [
            (#""""#, "", 0), (#""abc""#, "abc", 3), (#""é€😀""#, "é€😀", 3), (#""\ud83d\ude00\u0000.\n""#, "😀\0.\n", 4),
            ("\"e\u{301}👩‍👧\"", "e\u{301}👩‍👧", 5), (#""\/""#, "/", 1),
        ])
    func strings(_ text: String, _ expected: String, _ scalars: Int) throws {
        let value = try parse(text)
        // As bytes: String compares é with e and an accent as equal.
        #expect(value.string.map { Array($0.utf8) } == Array(expected.utf8))
        #expect(value.unicodeScalarCount == scalars)
        let bytes = value.withUTF8 { span in span.indices.map { span[$0] } }
        #expect(bytes == Array(expected.utf8))
    }

    @Test("Unicode scalars are counted at any length", arguments: [254, 255, 256, 509, 510, 511, 1000, 5003])
    func scalarCounts(_ length: Int) throws {
        for (character, bytes) in [("a", 1), ("é", 2), ("€", 3), ("😀", 4)] {
            let value = try parse("\"\(String(repeating: character, count: length))\"")
            #expect(value.unicodeScalarCount == length)
            #expect(value.withUTF8 { $0.count } == length * bytes)
        }
    }

    @Test("a string equals the same scalars only")
    func equality() throws {
        let value = try parse(#"["chat","chat ","Chat","","\u0063hat","é","e\u0301",5,null,"c\u0000"]"#)
        var equal: [Bool] = []
        value.forEachElement { equal.append($0.equals("chat")) }
        #expect(equal == [true, false, false, false, true, false, false, false, false, false])
        #expect(try parse("\"é\"").equals("é"))
        #expect(try !parse("\"e\u{301}\"").equals("é"))
        #expect(try parse("\"\"").equals(""))
        #expect(try parse("\"c\\u0000\"").equals("c\0"))
    }

    @Test("a member is found by its exact name")
    func lookUp() throws {
        let name = "receiver" + "_id"
        let value = try parse(
            #"{"a":{"b":1},"b":2,"receiver_id":3,"\u00e9":4,"":5,"x\u0000y":6,"n":null,"receiver_":7}"#)
        #expect(value["a"]?["b"]?.int64 == 1)
        #expect(value["b"]?.int64 == 2)
        #expect(value["receiver_id"]?.int64 == 3)
        #expect(value[key: name]?.int64 == 3)
        #expect(value["é"]?.int64 == 4)
        #expect(value[""]?.int64 == 5)
        #expect(value[key: ""]?.int64 == 5)
        #expect(value["x\0y"]?.int64 == 6)
        #expect(value["n"]?.isNull == true)
        for absent in ["A", "x", "receiver_i", "receiver_idx", "1", "c"] { #expect(value[key: absent] == nil) }
        #expect(value["b"]?["b"] == nil)
    }

    @Test("what is no object has no members", arguments: [#"["a"]"#, #""a""#, "5", "null", "[{\"a\":1}]"])
    func noMembers(_ text: String) throws {
        let value = try parse(text)
        #expect(value["a"] == nil)
        value.forEachMember { name, _ in Issue.record("a member \(name)") }
    }

    @Test("of members with one name the last counts")
    func duplicates() throws {
        #expect(try parse(#"{"a":1,"b":{"a":5},"\u0061":2,"c":3}"#)["a"]?.int64 == 2)
        #expect(try parse(#"{"a":[1,{"a":3}],"a":null}"#)["a"]?.isNull == true)
    }

    @Test("members are visited in order, with their values")
    func members() throws {
        var seen: [String] = []
        try parse(#"{"b":[1,[2]],"a":{"x":{}},"b":"é","":1.5,"z":null}"#).forEachMember { name, value in
            seen.append("\(name)=\(text(value))")
        }
        #expect(seen == ["b=[1,[2]]", #"a={"x":{}}"#, "b=\"é\"", "=1.5", "z=null"])
    }

    @Test("elements are visited in order")
    func elements() throws {
        var seen: [String] = []
        try parse(#"[1,-2.5,18446744073709551615,"x",[3,[4]],{"y":[5]},true,null,[]]"#).forEachElement {
            seen.append(text($0))
        }
        #expect(seen == ["1", "-2.5", "18446744073709551615", "\"x\"", "[3,[4]]", #"{"y":[5]}"#, "true", "null", "[]"])
    }

    @Test(
        "an element is found by its place",
        arguments: [
            (#"["a",5]"#, 0, #""a""#), (#"["a",5]"#, 1, "5"), ("[[[1]],2]", 1, "2"), (#"["a",5]"#, 2, nil),
            ("[]", 0, nil), (#"{"a":5}"#, 0, nil), (#""a""#, 0, nil),
        ] as [(String, Int, String?)])
    func element(_ text: String, _ index: Int, _ expected: String?) throws {
        let element = try parse(text).element(at: index)
        #expect(
            element.map {
                var json = JSONWriter()
                json.append($0)
                return String(decoding: json.bytes, as: UTF8.self)
            } == expected)
    }

    @Test("an error ends a visit and comes out as it is")
    func visitsThrow() throws {
        struct Enough: Error {}
        var visits = 0
        let array = try parse("[1,2,3]")
        #expect(throws: Enough.self) {
            try array.forEachElement { _ throws(Enough) in
                visits += 1
                throw Enough()
            }
        }
        let object = try parse(#"{"a":1,"b":2}"#)
        #expect(throws: Enough.self) {
            try object.forEachMember { _, _ throws(Enough) in
                visits += 1
                throw Enough()
            }
        }
        #expect(visits == 2)
    }

    @Test(
        "children are counted, repeated names included",
        arguments: [
            ("[]", 0), ("{}", 0), ("[[1,2,3]]", 1), ("[1,[],{}]", 3), (#"{"a":1,"a":{"b":2,"c":3}}"#, 2),
            ("\"abc\"", 0),
            ("7", 0),
        ])
    func counts(_ text: String, _ expected: Int) throws {
        #expect(try parse(text).count == expected)
    }

    private func text(_ value: JSONValue) -> String {
        var json = JSONWriter()
        json.append(value)
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
