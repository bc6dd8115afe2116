// The characters of HTTP's grammar (RFC 9110, section 5.6), seen as bytes.

extension UInt8 {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")

    /// A byte that ends or spoils a line: any control character but the tab.
    var isControl: Bool { (self < 0x20 && self != .tab) || self == 0x7F }

    var isBlank: Bool { self == .space || self == .tab }

    /// The letter in lower case; any other byte unchanged.
    var lowercased: UInt8 { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= self ? self | 0x20 : self }

    var decimalDigit: Int? { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self ? Int(self & 0x0F) : nil }

    var hexDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self & 0x0F
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"): self & 0x0F + 9
        default: nil
        }
    }
}

/// Some of the ASCII characters, looked up with one shift.
struct ASCIISet: Sendable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    /// Letters, digits and `punctuation`.
    init(alphanumericsAnd punctuation: String) {
        let ranges: [ClosedRange<UInt8>] = [0x30...0x39, 0x41...0x5A, 0x61...0x7A]
        for byte in ranges.joined() { insert(byte) }
        for byte in punctuation.utf8 { insert(byte) }
    }

    private mutating func insert(_ byte: UInt8) {
        if byte < 64 { low |= 1 << byte } else { high |= 1 << (byte - 64) }
    }

    func contains(_ byte: UInt8) -> Bool {
        byte < 0x80 && (byte < 64 ? low : high) &>> UInt64(byte & 63) & 1 == 1
    }

    /// What methods and field names are made of (RFC 9110, section 5.6.2).
    static let token = ASCIISet(alphanumericsAnd: "!#$%&'*+-.^_`|~")
    /// What a host with an optional port is made of (RFC 3986, section 3.2), less the comma: `a,b` is two
    /// hosts to whoever reads lists.
    static let authority = ASCIISet(alphanumericsAnd: "-._~%!$&'()*+;=:[]")
}

extension Span<UInt8> {
    /// The offset of the first control character but the tab in `start..<end`, or `end`.
    func firstControl(from start: Int, to end: Int) -> Int {
        var index = start
        while true {
            // Eight bytes at a time made decoding a browser's upgrade request a third faster. The subtractions
            // set the top bit of a byte below 0x20 and of one that is 0x7F. A hit may be false (a tab is, and
            // a borrow makes some after a true one), so the eight are then looked at one by one.
            while index + 8 <= end {
                // Bounds-checked; any eight bytes are a UInt64.
                let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
                let deletes = word ^ 0x7F7F_7F7F_7F7F_7F7F
                let low = (word &- 0x2020_2020_2020_2020) & ~word
                let delete = (deletes &- 0x0101_0101_0101_0101) & ~deletes
                guard (low | delete) & 0x8080_8080_8080_8080 == 0 else { break }
                index += 8
            }
            let stop = Swift.min(index + 8, end)
            while index < stop, !self[index].isControl { index += 1 }
            if index < stop || index == end { return index }
        }
    }

    /// `range` without the blanks at its ends.
    func trimmingBlanks(_ range: Range<Int>) -> Range<Int> {
        var (lower, upper) = (range.lowerBound, range.upperBound)
        while lower < upper, self[lower].isBlank { lower += 1 }
        while lower < upper, self[upper - 1].isBlank { upper -= 1 }
        return lower..<upper
    }

    /// Whether the bytes of `range` are `text` but for the case of ASCII letters.
    @inline(__always)
    func matches(_ range: Range<Int>, _ text: String) -> Bool {
        range.count == text.utf8.count && matchesBytes(range, text)
    }

    private func matchesBytes(_ range: Range<Int>, _ text: String) -> Bool {
        let utf8 = text.utf8
        let (own, other) = (extracting(range), utf8.span)
        for index in other.indices where own[index] != other[index] {
            if own[index].lowercased != other[index].lowercased { return false }
        }
        return true
    }

    /// The text of `range`, where what is not UTF-8 becomes U+FFFD.
    func text(_ range: Range<Int>) -> String {
        // The pointer goes no further than the call that copies from it.
        unsafe extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }
}

extension [UInt8] {
    mutating func append(copying bytes: Span<UInt8>) {
        // The pointer goes no further than the call that copies from it.
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }

    mutating func append(text: String) {
        let utf8 = text.utf8
        append(copying: utf8.span)
    }
}
