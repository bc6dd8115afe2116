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

    /// The same, where there is room for it.
    package func write(_ style: Style, to text: inout OutputSpan<UInt8>) {
        let (seconds, fraction) = Int(microseconds).floored(by: 1_000_000)
        let moment = CivilMoment(secondsSince1970: seconds)
        text.append(pair: moment.year / 100)
        text.append(pair: moment.year % 100)
        text.append(UInt8(ascii: "-"))
        text.append(pair: moment.month)
        text.append(UInt8(ascii: "-"))
        text.append(pair: moment.day)
        text.append(UInt8(ascii: "T"))
        text.append(pair: moment.hour)
        text.append(UInt8(ascii: ":"))
        text.append(pair: moment.minute)
        text.append(UInt8(ascii: ":"))
        text.append(pair: moment.second)
        switch style {
        case .seconds: break
        case .milliseconds:
            text.append(UInt8(ascii: "."))
            text.append(pair: fraction / 10_000)
            text.append(digit: fraction / 1000 % 10)
        case .microseconds, .naiveMicroseconds:
            text.append(UInt8(ascii: "."))
            text.append(pair: fraction / 10_000)
            text.append(pair: fraction / 100 % 100)
            text.append(pair: fraction % 100)
        }
        if style != .naiveMicroseconds { text.append(UInt8(ascii: "Z")) }
    }
}

extension OutputSpan<UInt8> {
    fileprivate mutating func append(digit: Int) { append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)) }

    /// Two decimal digits.
    @inline(__always) fileprivate mutating func append(pair number: Int) {
        append(digit: number / 10)
        append(digit: number % 10)
    }
}
