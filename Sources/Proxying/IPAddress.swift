/// An IP address. One of IPv4 that is written as IPv6 (`::ffff:192.0.2.1`) is the same as in its own writing.
package struct IPAddress: Hashable, Sendable {
    /// As 128 bits of IPv6, those of IPv4 behind `::ffff:`.
    let bits: UInt128

    private static let mapped: UInt128 = 0xFFFF << 32

    package init(v4 bits: UInt32) { self.bits = Self.mapped | UInt128(bits) }
    package init(v6 bits: UInt128) { self.bits = bits }

    /// Those of IPv4, if it is one.
    package var v4: UInt32? { bits >> 32 == 0xFFFF ? UInt32(truncatingIfNeeded: bits) : nil }

    package var isLoopback: Bool { v4.map { $0 >> 24 == 127 } ?? (bits == 1) }

    // MARK: - Text

    /// Reads `192.0.2.1` or `2001:db8::1`; without a port, brackets or a zone.
    package init?(_ text: some StringProtocol) {
        let text = text.utf8
        if text.contains(UInt8(ascii: ":")) {
            guard let bits = Self.v6(text) else { return nil }
            self.init(v6: bits)
        } else {
            guard let bits = Self.v4(text) else { return nil }
            self.init(v4: bits)
        }
    }

    /// Four decimal numbers. One with a zero in front is octal to some, so that it is none here.
    private static func v4(_ text: some Collection<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0"),
                let number = number(part, radix: 10), number < 256
            else { return nil }
            bits = bits << 8 | number
        }
        return bits
    }

    /// Eight groups of up to four hexadecimal digits (RFC 4291, section 2.2): one run of zeros may be `::`, and the last
    /// two groups may be an address of IPv4.
    private static func v6(_ text: some Collection<UInt8>) -> UInt128? {
        guard text.count <= 45 else { return nil }
        let colon = UInt8(ascii: ":")
        var pieces = text.split(separator: colon, omittingEmptySubsequences: false)[...]
        // `::` at an end is two empty pieces, in the middle one.
        if pieces.first?.isEmpty == true {
            guard pieces.count > 2, pieces.dropFirst().first?.isEmpty == true else { return nil }
            pieces.removeFirst()
        }
        if pieces.last?.isEmpty == true {
            guard pieces.count > 1, pieces.dropLast().last?.isEmpty == true else { return nil }
            pieces.removeLast()
        }
        var groups: [UInt32] = []
        var gap: Int?
        for (index, piece) in zip(pieces.indices, pieces) {
            if piece.isEmpty {
                guard gap == nil else { return nil }
                gap = groups.count
            } else if index == pieces.indices.last, let bits = v4(piece) {
                groups += [bits >> 16, bits & 0xFFFF]
            } else {
                guard piece.count <= 4, let number = number(piece, radix: 16) else { return nil }
                groups.append(number)
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: [UInt32](repeating: 0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        return groups.reduce(0) { $0 << 16 | UInt128($1) }
    }

    private static func number(_ digits: some Collection<UInt8>, radix: UInt32) -> UInt32? {
        if digits.isEmpty || digits.count > 4 { return nil }
        var number: UInt32 = 0
        for digit in digits {
            let value: UInt32
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt32(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = UInt32(digit - UInt8(ascii: "a")) + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = UInt32(digit - UInt8(ascii: "A")) + 10
            default: return nil
            }
            if value >= radix { return nil }
            number = number * radix + value
        }
        return number
    }
}

extension IPAddress: CustomStringConvertible {
    /// As RFC 5952 has it: lower case, the longest run of zero groups as `::`.
    package var description: String {
        if let v4 { return [24, 16, 8, 0].map { String(v4 >> $0 & 0xFF) }.joined(separator: ".") }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: bits >> (112 - 16 * $0)) }
        var (longest, run) = (0..<0, 0..<0)
        for (index, group) in groups.enumerated() {
            run = group == 0 ? (run.upperBound == index ? run.lowerBound : index)..<index + 1 : index + 1..<index + 1
            if run.count > longest.count { longest = run }
        }
        func text(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        if longest.count < 2 { return text(0..<8) }
        return text(0..<longest.lowerBound) + "::" + text(longest.upperBound..<8)
    }
}
