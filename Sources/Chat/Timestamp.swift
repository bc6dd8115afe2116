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
        let (seconds, fraction) = Int(microseconds).floored(by: 1_000_000)
        let moment = CivilMoment(secondsSince1970: seconds)
        return unsafe String(unsafeUninitializedCapacity: 27) { text in
            var count = 0
            func put(_ byte: UInt8) {
                unsafe text[count] = byte
                count += 1
            }
            func put(_ number: Int, digits: Int) {
                var rest = number
                for place in stride(from: count + digits - 1, through: count, by: -1) {
                    unsafe text[place] = UInt8(ascii: "0") + UInt8(rest % 10)
                    rest /= 10
                }
                count += digits
            }
            put(moment.year, digits: 4)
            put(UInt8(ascii: "-"))
            put(moment.month, digits: 2)
            put(UInt8(ascii: "-"))
            put(moment.day, digits: 2)
            put(UInt8(ascii: "T"))
            put(moment.hour, digits: 2)
            put(UInt8(ascii: ":"))
            put(moment.minute, digits: 2)
            put(UInt8(ascii: ":"))
            put(moment.second, digits: 2)
            switch style {
            case .seconds: break
            case .milliseconds:
                put(UInt8(ascii: "."))
                put(fraction / 1000, digits: 3)
            case .microseconds, .naiveMicroseconds:
                put(UInt8(ascii: "."))
                put(fraction, digits: 6)
            }
            if style != .naiveMicroseconds { put(UInt8(ascii: "Z")) }
            return count
        }
    }
}
