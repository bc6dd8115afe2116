import JWT
import Testing

@Suite struct Base64URLTests {
    /// RFC 4648, section 10, without the padding; RFC 7515, appendix C; and every bit of the alphabet.
    static let examples: [([UInt8], String)] = [
        ([], ""), (Array("f".utf8), "Zg"), (Array("fo".utf8), "Zm8"), (Array("foo".utf8), "Zm9v"),
        (Array("foob".utf8), "Zm9vYg"), (Array("fooba".utf8), "Zm9vYmE"), (Array("foobar".utf8), "Zm9vYmFy"),
        ([3, 236, 255, 224, 193], "A-z_4ME"), ([0xFB, 0xFF, 0xBF], "-_-_"), ([0, 0, 0], "AAAA"),
    ]

    @Test("both ways", arguments: Self.examples)
    func conversion(_ bytes: [UInt8], _ text: String) {
        #expect(Base64URL.encode(bytes) == text)
        #expect(Base64URL.decode(text.utf8) == bytes)
    }

    @Test(
        "what nobody would have written is refused",
        arguments: [
            "A", "AAAAA", "Zg=", "Zg==", "Zm8=", "Zh", "Zv", "Zm9", "Zm-", "Zm_", "+A", "/A", "Z g", " Zg", "Zg\n",
            "Zg\0",
            "Zg.", "é", "Zm9vYg==", "=",
        ])
    func refused(_ text: String) {
        #expect(Base64URL.decode(text.utf8) == nil)
    }

    @Test("of all texts of two letters, those that are read are those that are written")
    func oneByte() {
        var read = 0
        for first in UInt8.min ... .max {
            for second in UInt8.min ... .max {
                guard let bytes = Base64URL.decode([first, second]) else { continue }
                read += 1
                #expect(Array(Base64URL.encode(bytes).utf8) == [first, second])
            }
        }
        #expect(read == 256)
    }
}
