import Testing
import WebSocket

@Suite struct UTF8ValidatorTests {
    static let refused: [(name: String, bytes: [UInt8], position: Int)] = [
        ("continuation alone", [0x80], 0),
        ("last continuation alone", [0xBF], 0),
        ("continuation after ASCII", [0x41, 0x80], 1),
        ("one continuation too many", [0xC3, 0xA9, 0xA9], 2),
        ("two bytes cut by ASCII", [0xC3, 0x28], 1),
        ("two bytes cut by a lead", [0xC3, 0xC3], 1),
        ("three bytes cut early", [0xE2, 0x28, 0xA1], 1),
        ("three bytes cut late", [0xE2, 0x82, 0x28], 2),
        ("four bytes cut early", [0xF0, 0x28, 0x8C, 0xBC], 1),
        ("four bytes cut late", [0xF0, 0x9F, 0x98, 0x28], 3),
        ("overlong slash in two bytes", [0xC0, 0xAF], 0),
        ("overlong slash in three", [0xE0, 0x80, 0xAF], 1),
        ("overlong slash in four", [0xF0, 0x80, 0x80, 0xAF], 1),
        ("overlong NUL", [0xC0, 0x80], 0),
        ("highest overlong in two bytes", [0xC1, 0xBF], 0),
        ("highest overlong in three", [0xE0, 0x9F, 0xBF], 1),
        ("highest overlong in four", [0xF0, 0x8F, 0xBF, 0xBF], 1),
        ("first high surrogate", [0xED, 0xA0, 0x80], 1),
        ("last low surrogate", [0xED, 0xBF, 0xBF], 1),
        ("paired surrogates", [0xED, 0xA1, 0x8C, 0xED, 0xBE, 0xB4], 1),
        ("U+110000", [0xF4, 0x90, 0x80, 0x80], 1),
        ("beyond four bytes' leads", [0xF5, 0x80, 0x80, 0x80], 0),
        ("five bytes", [0xF8, 0x88, 0x80, 0x80, 0x80], 0),
        ("six bytes", [0xFC, 0x84, 0x80, 0x80, 0x80, 0x80], 0),
        ("0xFE", [0xFE], 0),
        ("0xFF", [0xFF], 0),
    ]

    @Test("malformed text is refused at the first byte no text could have there", arguments: refused)
    func positions(_ name: String, _ bytes: [UInt8], _ position: Int) {
        for before in 0...17 {
            let text = [UInt8](repeating: 0x41, count: before) + bytes + [UInt8](repeating: 0x41, count: 9)
            expect(text, refusedAt: before + position)
        }
    }

    @Test(
        "the first and last scalar of every length pass",
        arguments: [0x0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x10FFFF] as [UInt32])
    func boundaries(_ value: UInt32) throws {
        let scalar = try #require(Unicode.Scalar(value))
        for before in 0...17 {
            let text = String(repeating: "A", count: before) + String(scalar) + "µ"
            expect(Array(text.utf8), refusedAt: nil)
        }
    }

    @Test("every sequence of bytes at the edges of their ranges is judged as the standard library judges it")
    func edges() {
        let edges: [UInt8] = [
            0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF3, 0xF4, 0xF5,
        ]
        var misjudged: [[UInt8]] = []
        for first in edges {
            for second in edges {
                for third in edges {
                    for tail in [[], [0x80], [0x41]] as [[UInt8]] {
                        let bytes = [first, second, third] + tail
                        if !Self.judgesRightly(bytes) { misjudged.append(bytes) }
                    }
                }
            }
        }
        #expect(misjudged == [])
    }

    @Test("a text is complete between two scalars only")
    func completeness() {
        var validator = UTF8Validator()
        #expect(validator.isComplete)
        let steps: [(UInt8, Bool)] = [
            (0x41, true), (0xC3, false), (0xA9, true), (0xF0, false), (0x9F, false), (0x98, false), (0x80, true),
        ]
        for (byte, complete) in steps {
            #expect(validator.firstInvalidIndex(in: [byte]) == nil)
            #expect(validator.isComplete == complete)
        }
    }

    @Test("after a refusal everything is refused")
    func refusalStays() {
        var validator = UTF8Validator()
        #expect(validator.firstInvalidIndex(in: [0x41, 0xFF]) == 1)
        #expect(!validator.isComplete)
        #expect(validator.firstInvalidIndex(in: []) == nil)
        #expect(validator.firstInvalidIndex(in: Array("ABCDEFGHIJ".utf8)) == 0)
    }

    /// Checks a text whole, and cut in two at every byte.
    private func expect(_ text: [UInt8], refusedAt position: Int?) {
        for cut in 0...text.count {
            var validator = UTF8Validator()
            var found = validator.firstInvalidIndex(in: text[..<cut])
            if found == nil { found = validator.firstInvalidIndex(in: text[cut...]).map { $0 + cut } }
            #expect(found == position, "cut at \(cut)")
            #expect(validator.isComplete == (position == nil))
        }
    }

    private static func judgesRightly(_ bytes: [UInt8]) -> Bool {
        var validator = UTF8Validator()
        let invalid = validator.firstInvalidIndex(in: bytes)
        let passes = invalid == nil && validator.isComplete
        guard passes == (String(validating: bytes, as: UTF8.self) != nil) else { return false }
        guard let invalid else { return canGoOn(bytes) }
        return canGoOn(Array(bytes[..<invalid])) && !canGoOn(Array(bytes[...invalid]))
    }

    /// Whether some text begins with these bytes: found by trying what could complete them.
    private static func canGoOn(_ bytes: [UInt8]) -> Bool {
        let seconds: [UInt8] = [0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF]
        let completions: [[UInt8]] =
            [[]] + seconds.map { [$0] } + seconds.map { [$0, 0x80] } + seconds.map { [$0, 0x80, 0x80] }
        return completions.contains { String(validating: bytes + $0, as: UTF8.self) != nil }
    }
}
