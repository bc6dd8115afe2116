/// One server of a cluster, from its start to its end: a restarted one is another.
package struct NodeID: Hashable, Sendable, CustomStringConvertible {
    /// 48 bits.
    package let rawValue: UInt64

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    /// The characters of a ``text``.
    package static let length = 8

    package static func random() -> NodeID { NodeID(UInt64.random(in: 0..<1 << 48)) }

    private init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// - Parameter rawValue: `nil` where it has more than 48 bits.
    package init?(rawValue: UInt64) {
        guard rawValue < 1 << 48 else { return nil }
        self.rawValue = rawValue
    }

    /// Reads a ``text``.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == Self.length else { return nil }
        var value: UInt64 = 0
        for byte in text.utf8 {
            guard let digit = Self.digits.firstIndex(of: byte) else { return nil }
            value = value << 6 | UInt64(digit)
        }
        rawValue = value
    }

    /// 8 characters that may stand in URLs and in the names of channels.
    package var text: String {
        String(
            decoding: (0..<Self.length).reversed().map { Self.digits[Int(rawValue >> (6 * $0)) & 63] }, as: UTF8.self)
    }

    package var description: String { text }
}
