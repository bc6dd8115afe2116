/// One command and its arguments, as it goes over the wire: an array of strings (RESP version 2).
package struct RedisCommand: Sendable {
    package private(set) var bytes: [UInt8] = []

    /// - Parameter words: The command and its arguments.
    package init(_ words: Word...) { self.init(words) }

    package init(_ words: [Word]) {
        append(UInt8(ascii: "*"), words.count)
        for word in words { append(word.bytes) }
    }

    /// An argument: text, bytes, a number.
    package struct Word: Sendable, ExpressibleByStringInterpolation {
        let bytes: [UInt8]

        package init(stringLiteral text: String) { bytes = Array(text.utf8) }
        package init(_ text: some StringProtocol) { bytes = Array(text.utf8) }
        package init(_ bytes: [UInt8]) { self.bytes = bytes }
        package init(_ number: some BinaryInteger) { bytes = Array(String(number).utf8) }
    }

    private mutating func append(_ text: [UInt8]) {
        append(UInt8(ascii: "$"), text.count)
        bytes += text
        bytes += [0x0D, 0x0A]
    }

    private mutating func append(_ mark: UInt8, _ count: Int) {
        bytes.append(mark)
        bytes += String(count).utf8
        bytes += [0x0D, 0x0A]
    }
}

/// A script of Redis' own (EVAL), which it knows by its SHA-1 after the first time.
package struct RedisScript: Sendable {
    package let source: String

    package init(_ source: String) { self.source = source }
}
