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
        let fraction = Int(microseconds.remainder(dividingBy: 1_000_000))
        let seconds = (microseconds - Int64(fraction)) / 1_000_000
        let secondOfDay = Int(seconds.remainder(dividingBy: 86_400))
        let date = CivilDate(daysSince1970: Int((seconds - Int64(secondOfDay)) / 86_400))
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
            put(date.year, digits: 4)
            put(UInt8(ascii: "-"))
            put(date.month, digits: 2)
            put(UInt8(ascii: "-"))
            put(date.day, digits: 2)
            put(UInt8(ascii: "T"))
            put(secondOfDay / 3600, digits: 2)
            put(UInt8(ascii: ":"))
            put(secondOfDay / 60 % 60, digits: 2)
            put(UInt8(ascii: ":"))
            put(secondOfDay % 60, digits: 2)
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

/// A day in the Gregorian calendar.
private struct CivilDate {
    let year: Int
    let month: Int
    let day: Int

    /// Counts in years that start in March, so that the leap day is a year's last.
    init(daysSince1970: Int) {
        // 719,468 days lie between 0000-03-01 and 1970-01-01; 146,097 make one cycle of 400 years.
        let days = daysSince1970 + 719_468
        let cycle = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfCycle = days - cycle * 146_097
        let yearOfCycle = (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        // Five months from March take 153 days, always.
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0)
    }
}

extension Int64 {
    /// The remainder that is never negative.
    fileprivate func remainder(dividingBy divisor: Int64) -> Int64 {
        let remainder = self % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }
}
