import CivilTime

/// A moment in UTC, in microseconds since 1970.
package struct Timestamp: Hashable, Comparable, Sendable {
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

    package static func + (moment: Self, duration: Duration) -> Self {
        let parts = duration.components
        return Self(
            microseconds: moment.microseconds + parts.seconds * 1_000_000 + parts.attoseconds / 1_000_000_000_000)
    }

    package static func - (moment: Self, duration: Duration) -> Self { moment + (.zero - duration) }

    /// How a moment is written. INTEROP.md gives each dialect its own.
    package enum Style: Sendable {
        /// `2026-01-06T12:30:00Z`
        case seconds
        /// `2025-07-07T12:34:56.789Z`
        case milliseconds
        /// `2026-01-06T10:30:45.123456Z`
        case microseconds
        /// `2025-01-27T12:30:45.123456`: UTC without saying so, as Python's naive `isoformat` gives it.
        case naiveMicroseconds
    }

    /// ISO 8601 in the proleptic Gregorian calendar, for the years 0 to 9999.
    package func formatted(_ style: Style) -> String {
        unsafe String(unsafeUninitializedCapacity: Self.longest) { text in
            var output = unsafe OutputSpan(buffer: text, initializedCount: 0)
            write(style, to: &output)
            return unsafe output.finalize(for: text)
        }
    }

    /// The most bytes that ``write(_:to:)`` writes.
    package static let longest = 27

    /// The same, where there is room for ``longest`` bytes.
    package func write(_ style: Style, to text: inout OutputSpan<UInt8>) {
        let (seconds, fraction) = Int(microseconds).floored(by: 1_000_000)
        let moment = CivilMoment(secondsSince1970: seconds)
        var digits = Digits()
        digits.put(pair: moment.year / 100, at: 0)
        digits.put(pair: moment.year % 100, at: 2)
        digits.put("-", at: 4)
        digits.put(pair: moment.month, at: 5)
        digits.put("-", at: 7)
        digits.put(pair: moment.day, at: 8)
        digits.put("T", at: 10)
        digits.put(pair: moment.hour, at: 11)
        digits.put(":", at: 13)
        digits.put(pair: moment.minute, at: 14)
        digits.put(":", at: 16)
        digits.put(pair: moment.second, at: 17)
        digits.put(".", at: 19)
        digits.put(pair: fraction / 10_000, at: 20)
        digits.put(pair: fraction / 100 % 100, at: 22)
        digits.put(pair: fraction % 100, at: 24)
        let length =
            switch style {
            case .seconds: 19
            case .milliseconds: 23
            case .microseconds, .naiveMicroseconds: 26
            }
        digits.append(length, to: &text)
        if style != .naiveMicroseconds { text.append(UInt8(ascii: "Z")) }
    }

    /// Where the digits are put together: it costs less than to ask for each if there is room for it.
    private struct Digits {
        private var bytes = InlineArray<26, UInt8>(repeating: 0)

        @inline(__always) mutating func put(_ mark: Unicode.Scalar, at place: Int) { bytes[place] = UInt8(ascii: mark) }

        /// Two decimal digits.
        @inline(__always) mutating func put(pair number: Int, at place: Int) {
            let number = UInt32(truncatingIfNeeded: number) & 0x7F
            // The same as a division by ten, for all of these.
            let tens = (number &* 103) >> 10
            bytes[place] = UInt8(truncatingIfNeeded: 0x30 | tens)
            bytes[place + 1] = UInt8(truncatingIfNeeded: 0x30 &+ number &- 10 &* tens)
        }

        /// Appends the first `length` bytes.
        func append(_ length: Int, to text: inout OutputSpan<UInt8>) {
            precondition(length <= text.freeCapacity)
            let span = bytes.span
            unsafe text.withUnsafeMutableBufferPointer { output, count in
                unsafe span.withUnsafeBufferPointer { digits in
                    _ = unsafe output[count...].initialize(fromContentsOf: digits[..<length])
                }
                count += length
            }
        }
    }
}
