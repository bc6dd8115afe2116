package import Chat
import CivilTime

extension Timestamp {
    /// Reads what Python's `isoformat()` and `str()` make of a moment: `2026-01-06T10:30:45.123456+05:30`. One without a
    /// zone is taken as UTC.
    ///
    /// - Returns: `nil` for anything else, and outside of the years 1970 to 9999.
    package init?(iso8601 text: String) {
        var reader = Reader(rest: Array(text.utf8)[...])
        guard let year = reader.digits(4), reader.skip("-"), let month = reader.digits(2), reader.skip("-"),
            let day = reader.digits(2), reader.skip("T") || reader.skip(" "), let hour = reader.digits(2),
            reader.skip(":"),
            let minute = reader.digits(2)
        else { return nil }
        var second = 0
        if reader.skip(":") {
            guard let digits = reader.digits(2) else { return nil }
            second = digits
        }
        guard let fraction = reader.fraction(), let zone = reader.zone(), reader.rest.isEmpty, year >= 1970,
            let days = CivilMoment.daysSince1970(year, month, day), hour < 24, minute < 60, second <= 60
        else { return nil }
        let seconds = ((days * 24 + hour) * 60 + minute - zone) * 60 + second
        self.init(microseconds: Int64(seconds) * 1_000_000 + Int64(fraction))
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func digits(_ count: Int) -> Int? {
            guard rest.count >= count else { return nil }
            var number = 0
            for byte in rest.prefix(count) {
                guard (0x30...0x39).contains(byte) else { return nil }
                number = number * 10 + Int(byte - 0x30)
            }
            rest = rest.dropFirst(count)
            return number
        }

        /// In microseconds; 0 where there is none.
        mutating func fraction() -> Int? {
            guard skip(".") else { return 0 }
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard (1...9).contains(digits.count) else { return nil }
            rest = rest.dropFirst(digits.count)
            return digits.prefix(6).reduce(0) { $0 * 10 + Int($1 - 0x30) }
                * [100_000, 10_000, 1000, 100, 10, 1][min(digits.count, 6) - 1]
        }

        /// Minutes east of Greenwich; 0 where there is none.
        mutating func zone() -> Int? {
            if rest.isEmpty || skip("Z") { return 0 }
            let sign = skip("+") ? 1 : skip("-") ? -1 : 0
            guard sign != 0, let hours = digits(2) else { return nil }
            _ = skip(":")
            guard let minutes = rest.isEmpty ? 0 : digits(2), hours < 24, minutes < 60 else { return nil }
            return sign * (hours * 60 + minutes)
        }
    }
}
