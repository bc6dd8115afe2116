/// A second of UTC in the proleptic Gregorian calendar, as dates are written.
package struct CivilMoment: Equatable, Sendable {
    package let year: Int
    /// From 1.
    package let month: Int
    /// From 1.
    package let day: Int
    /// 0 is Thursday: the day that the count began with.
    package let weekday: Int
    package let hour: Int
    package let minute: Int
    package let second: Int

    /// - Parameter seconds: Unix time; within some millions of years.
    package init(secondsSince1970 seconds: Int) {
        let (days, time) = seconds.floored(by: 86_400)
        (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60)
        weekday = days.floored(by: 7).remainder
        // Counted in years that start in March, so that the leap day is a year's last. 719,468 days lie between
        // 0000-03-01 and 1970-01-01; 146,097 make one cycle of 400 years.
        let (cycle, dayOfCycle) = (days + 719_468).floored(by: 146_097)
        let yearOfCycle = (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        // Five months from March take 153 days, always.
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0)
    }
}

extension CivilMoment {
    /// The day's number from 1970-01-01 on; `nil` where there is no such day.
    package static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int? {
        guard (1...12).contains(month), (1...31).contains(day) else { return nil }
        let marchYear = month > 2 ? year : year - 1
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        let cycle = marchYear.floored(by: 400).quotient
        let yearOfCycle = marchYear - 400 * cycle
        let days = 365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear + cycle * 146_097 - 719_468
        // The 31st of a month of 30 days is the first of the next.
        return CivilMoment(secondsSince1970: days * 86_400).day == day ? days : nil
    }
}

extension BinaryInteger {
    /// The quotient rounded down, and the remainder that is never negative.
    @inlinable package func floored(by divisor: Self) -> (quotient: Self, remainder: Self) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
