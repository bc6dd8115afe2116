import CivilTime

/// A point in time as HTTP writes it (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// Making one costs some divisions and a string; a server needs one per second, not one per response.
package struct HTTPDate: Equatable, Sendable {
    package let text: String

    /// - Parameter seconds: Unix time; held to the years 1970 to 9999.
    package init(secondsSince1970 seconds: Int) {
        let moment = CivilMoment(secondsSince1970: min(max(seconds, 0), 253_402_300_799))
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][moment.weekday]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let clock = [moment.hour, moment.minute, moment.second].map(Self.twoDigits).joined(separator: ":")
        text = "\(weekday), \(Self.twoDigits(moment.day)) \(months[moment.month - 1]) \(moment.year) \(clock) GMT"
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
