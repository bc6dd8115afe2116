import JSON
import Testing

/// Random documents are written, read and compared; the seed is the test's argument, so that a failure can be repeated.
@Suite struct JSONRoundTripTests {
    @Test("what is written reads back as the same document", arguments: 0..<50 as Range<UInt64>)
    func randomDocuments(seed: UInt64) throws {
        var generator = SeededGenerator(state: seed)
        let parser = JSONParser(maximumLength: 1 << 24)
        for _ in 0..<40 {
            let document = Document.random(depth: 5, using: &generator)
            var first = JSONWriter()
            first.append(document)
            #expect(try Document(parser.parse(first.bytes.span)) == document)

            var second = JSONWriter(reserving: 0)
            try parser.parse(first.bytes.span).write(into: &second)
            #expect(second.bytes == first.bytes)
        }
    }

    @Test(
        "bytes changed at random are refused or read back as they were understood", arguments: 0..<20 as Range<UInt64>)
    func randomDamage(seed: UInt64) throws {
        var generator = SeededGenerator(state: seed)
        let parser = JSONParser(maximumLength: 1 << 24)
        var read = 0
        var refused = 0
        for _ in 0..<200 {
            var json = JSONWriter()
            json.append(Document.random(depth: 3, using: &generator))
            var damaged = json.bytes
            let place = Int.random(in: damaged.indices, using: &generator)
            damaged[place] = UInt8.random(in: .min ... .max, using: &generator)
            guard let value = try? parser.parse(damaged.span) else {
                refused += 1
                continue
            }
            read += 1
            let understood = Document(value)
            var again = JSONWriter()
            value.write(into: &again)
            #expect(try Document(parser.parse(again.bytes.span)) == understood)
        }
        #expect(read > 0 && refused > 0)
    }
}

/// A JSON document as Swift sees it.
private indirect enum Document: Equatable, JSONWritable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(bits: UInt64)
    case string([UInt8])
    case array([Document])
    case object([Member])

    struct Member: Equatable {
        var name: [UInt8]
        var value: Document
    }

    init(_ value: JSONValue) {
        if value.isNull {
            self = .null
        } else if let bool = value.bool {
            self = .bool(bool)
        } else if let integer = value.int64 {
            self = .integer(integer)
        } else if let number = value.double {
            self = .number(bits: number.bitPattern)
        } else if let string = value.string {
            self = .string(Array(string.utf8))
        } else if value.isArray {
            var elements: [Document] = []
            value.forEachElement { elements.append(Document($0)) }
            self = .array(elements)
        } else {
            var members: [Member] = []
            value.forEachMember { members.append(Member(name: Array($0.utf8), value: Document($1))) }
            self = .object(members)
        }
    }

    func write(into json: inout JSONWriter) {
        switch self {
        case .null: json.null()
        case .bool(let bool): json.append(bool)
        case .integer(let integer): json.append(integer)
        case .number(let bits): json.append(Double(bitPattern: bits))
        case .string(let utf8): json.append(String(decoding: utf8, as: UTF8.self))
        case .array(let elements): json.array { json in elements.forEach { json.append($0) } }
        case .object(let members):
            json.object { json in
                for member in members { json.member(key: String(decoding: member.name, as: UTF8.self), member.value) }
            }
        }
    }

    static func random(depth: Int, using generator: inout SeededGenerator) -> Document {
        switch Int.random(in: 0..<(depth > 0 ? 10 : 6), using: &generator) {
        case 0: .null
        case 1: .bool(.random(using: &generator))
        case 2: .integer(Int64(bitPattern: generator.next()) >> Int64.random(in: 0...63, using: &generator))
        case 3: number(using: &generator)
        case 4, 5: .string(text(using: &generator))
        case 6, 7: .array(children(depth: depth, using: &generator))
        default:
            .object(
                children(depth: depth, using: &generator).map { Member(name: text(using: &generator), value: $0) })
        }
    }

    private static func children(depth: Int, using generator: inout SeededGenerator) -> [Document] {
        (0..<Int.random(in: 0...6, using: &generator)).map { _ in random(depth: depth - 1, using: &generator) }
    }

    private static func number(using generator: inout SeededGenerator) -> Document {
        let number = Double(bitPattern: generator.next())
        return .number(bits: (number.isFinite ? number : 0.5).bitPattern)
    }

    /// Much of what needs an escape, and scalars of every length.
    private static func text(using generator: inout SeededGenerator) -> [UInt8] {
        let alphabets: [ClosedRange<UInt32>] = [
            0...0x1F, 0x20...0x7E, 0x22...0x22, 0x5C...0x5C, 0x7F...0xD7FF, 0xE000...0x10FFFF,
        ]
        var text = ""
        for _ in 0..<Int.random(in: 0...40, using: &generator) {
            let code = UInt32.random(in: alphabets.randomElement(using: &generator) ?? 0...0, using: &generator)
            if let scalar = Unicode.Scalar(code) { text.unicodeScalars.append(scalar) }
        }
        return Array(text.utf8)
    }
}

/// SplitMix64: the same numbers for the same seed.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
