/// One command and its arguments, as it goes over the wire: an array of strings (RESP version 2).
package struct RedisCommand: Sendable {
    package private(set) var bytes: [UInt8] = []

    /// - Parameter words: The command and its arguments.
    package init(_ words: Word...) { self.init(words) }

    package init(_ words: [Word]) {
        bytes.reserveCapacity(words.reduce(Self.overhead) { $0 + $1.bytes.count + Self.overhead })
        append(UInt8(ascii: "*"), words.count)
        for word in words { append(word.bytes) }
    }

    /// PUBLISH, in one piece of memory: what is sent is copied once.
    package init(publishing payload: [UInt8], on channel: String) {
        let channel = channel.utf8
        bytes.reserveCapacity(payload.count + channel.count + 4 * Self.overhead)
        append(UInt8(ascii: "*"), 3)
        append("PUBLISH".utf8)
        append(channel)
        append(payload)
    }

    /// About the bytes around a word.
    private static let overhead = 16

    /// An argument: text, bytes, a number.
    package struct Word: Sendable, ExpressibleByStringInterpolation {
        let bytes: [UInt8]

        package init(stringLiteral text: String) { bytes = Array(text.utf8) }
        package init(_ text: some StringProtocol) { bytes = Array(text.utf8) }
        package init(_ bytes: [UInt8]) { self.bytes = bytes }
        package init(_ number: some BinaryInteger) { bytes = Array(String(number).utf8) }
    }

    private mutating func append(_ text: some Collection<UInt8>) {
        append(UInt8(ascii: "$"), text.count)
        bytes.append(contentsOf: text)
        endLine()
    }

    private mutating func append(_ mark: UInt8, _ count: Int) {
        bytes.append(mark)
        bytes.append(contentsOf: String(count).utf8)
        endLine()
    }

    private mutating func endLine() {
        bytes.append(0x0D)
        bytes.append(0x0A)
    }
}
