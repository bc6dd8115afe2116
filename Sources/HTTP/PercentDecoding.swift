extension Span<UInt8> {
    /// The text that `range` stands for (RFC 3986, section 2.1).
    ///
    /// - Parameter plusIsSpace: As in the query of a form.
    /// - Returns: `nil` where a `%` is not followed by two hexadecimal digits, or the outcome holds a NUL or
    ///   is not UTF-8.
    func percentDecoded(_ range: Range<Int>, plusIsSpace: Bool = false) -> String? {
        let isPlain = range.allSatisfy { index in
            self[index] != UInt8(ascii: "%") && self[index] != 0 && !(plusIsSpace && self[index] == UInt8(ascii: "+"))
        }
        if isPlain {
            guard let text = try? UTF8Span(validating: extracting(range)) else { return nil }
            return String(copying: text)
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(range.count)
        var index = range.lowerBound
        while index < range.upperBound {
            var byte = self[index]
            index += 1
            if byte == UInt8(ascii: "%") {
                guard index + 2 <= range.upperBound,
                    let high = self[index].hexDigit, let low = self[index + 1].hexDigit
                else { return nil }
                byte = high << 4 | low
                index += 2
            } else if plusIsSpace, byte == UInt8(ascii: "+") {
                byte = .space
            }
            guard byte != 0 else { return nil }
            decoded.append(byte)
        }
        return String(validating: decoded, as: UTF8.self)
    }

    /// Whether the `%` at `index` is followed by two hexadecimal digits.
    func isEscape(at index: Int, before end: Int) -> Bool {
        index + 2 < end && self[index + 1].hexDigit != nil && self[index + 2].hexDigit != nil
    }
}
