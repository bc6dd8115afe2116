/// Base64 with padding (RFC 4648, section 4), as polling carries binary messages.
enum Base64 {
    /// Whether the bytes are whole groups of the alphabet, the last one padded. As in most decoders, the bits that belong
    /// to no byte may have any value.
    static func isWellFormed(_ text: Span<UInt8>) -> Bool {
        guard text.count % 4 == 0 else { return false }
        let end = digitCount(of: text)
        for index in 0..<end where value(of: text[index]) == nil { return false }
        return true
    }

    /// - Parameter text: Well-formed.
    static func decode(_ text: Span<UInt8>) -> [UInt8] {
        let digits = digitCount(of: text)
        return [UInt8](capacity: digits * 6 / 8) { output in
            var (bits, count): (UInt32, Int) = (0, 0)
            for index in 0..<digits {
                bits = bits << 6 | UInt32(value(of: text[index]) ?? 0)
                count += 6
                if count >= 8 {
                    count -= 8
                    output.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                }
            }
        }
    }

    /// How many characters `count` bytes become.
    static func length(of count: Int) -> Int { (count + 2) / 3 * 4 }

    static func append(_ bytes: Span<UInt8>, to text: inout [UInt8]) {
        text.append(addingCapacity: length(of: bytes.count)) { output in
            var index = 0
            while index < bytes.count {
                let left = bytes.count - index
                let second = left > 1 ? bytes[index + 1] : 0
                let third = left > 2 ? bytes[index + 2] : 0
                let bits = UInt32(bytes[index]) << 16 | UInt32(second) << 8 | UInt32(third)
                output.append(digit(bits >> 18))
                output.append(digit(bits >> 12))
                output.append(left > 1 ? digit(bits >> 6) : UInt8(ascii: "="))
                output.append(left > 2 ? digit(bits) : UInt8(ascii: "="))
                index += 3
            }
        }
    }

    /// How many characters come before the padding.
    private static func digitCount(of text: Span<UInt8>) -> Int {
        var end = text.count
        while end > 0, text.count - end < 2, text[end - 1] == UInt8(ascii: "=") { end -= 1 }
        return end
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): digit - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    /// The character for the lowest six bits.
    private static func digit(_ bits: UInt32) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: bits & 63)
        return switch value {
        case ..<26: UInt8(ascii: "A") + value
        case ..<52: UInt8(ascii: "a") + value - 26
        case ..<62: UInt8(ascii: "0") + value - 52
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }
}
