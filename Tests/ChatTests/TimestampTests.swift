import Chat
import Testing

@Suite struct TimestampTests {
    @Test(
        "seconds are written as a date and a time of the Gregorian calendar",
        arguments: [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (68_255_999, "1972-02-29T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_767_702_600, "2026-01-06T12:30:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (13_574_563_200, "2400-02-29T00:00:00Z"),
            (-2_203_891_201, "1900-02-28T23:59:59Z"),
            (-2_203_891_200, "1900-03-01T00:00:00Z"),
            (-8_515_238_401, "1700-02-28T23:59:59Z"),
            (-11_670_955_200, "1600-02-29T12:00:00Z"),
            (-12_219_292_800, "1582-10-15T00:00:00Z"),
            (-62_135_596_800, "0001-01-01T00:00:00Z"),
            (-62_162_121_600, "0000-02-29T00:00:00Z"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] as [(Int64, String)])
    func dates(_ seconds: Int64, _ text: String) {
        #expect(Timestamp(microseconds: seconds * 1_000_000).formatted(.seconds) == text)
    }

    @Test("every month of 800 years begins right after the one before ends")
    func months() {
        var day: Int64 = -135_140  // 1600-01-01
        for year in 1600..<2400 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            for (index, length) in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].enumerated() {
                let month = "\(year)-\(index < 9 ? "0" : "")\(index + 1)-"
                #expect(Self.text(ofDay: day).hasPrefix(month + "01T"))
                day += Int64(length)
                #expect(Self.text(ofDay: day - 1).hasPrefix(month + "\(length)T"))
            }
        }
    }

    private static func text(ofDay day: Int64) -> String {
        Timestamp(microseconds: day * 86_400_000_000).formatted(.seconds)
    }

    @Test(
        "each style has its own digits, cut off and never rounded",
        arguments: [
            (
                1_767_695_445_123_456, "2026-01-06T10:30:45Z", "2026-01-06T10:30:45.123Z",
                "2026-01-06T10:30:45.123456Z",
                "2026-01-06T10:30:45.123456"
            ),
            (
                1_767_695_445_000_000, "2026-01-06T10:30:45Z", "2026-01-06T10:30:45.000Z",
                "2026-01-06T10:30:45.000000Z",
                "2026-01-06T10:30:45.000000"
            ),
            (
                999_999, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.999Z", "1970-01-01T00:00:00.999999Z",
                "1970-01-01T00:00:00.999999"
            ),
            (
                -1, "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999999Z",
                "1969-12-31T23:59:59.999999"
            ),
            (
                -86_400_000_000, "1969-12-31T00:00:00Z", "1969-12-31T00:00:00.000Z", "1969-12-31T00:00:00.000000Z",
                "1969-12-31T00:00:00.000000"
            ),
        ] as [(Int64, String, String, String, String)])
    func styles(_ time: Int64, _ seconds: String, _ milliseconds: String, _ microseconds: String, _ naive: String) {
        let moment = Timestamp(microseconds: time)
        #expect(moment.formatted(.seconds) == seconds)
        #expect(moment.formatted(.milliseconds) == milliseconds)
        #expect(moment.formatted(.microseconds) == microseconds)
        #expect(moment.formatted(.naiveMicroseconds) == naive)
    }

    @Test(
        "durations move a moment both ways, to the microsecond",
        arguments: [
            (.seconds(86_400), 86_400_000_000), (.milliseconds(1500), 1_500_000), (.microseconds(1), 1), (.zero, 0),
            (.microseconds(-2_500_001), -2_500_001),
        ] as [(Duration, Int64)])
    func arithmetic(_ duration: Duration, _ microseconds: Int64) {
        let moment = Timestamp(microseconds: 1_000_000_000)
        #expect(moment + duration == Timestamp(microseconds: 1_000_000_000 + microseconds))
        #expect(moment - duration == Timestamp(microseconds: 1_000_000_000 - microseconds))
    }

    @Test("moments are ordered by time")
    func order() {
        #expect(Timestamp(microseconds: -1) < Timestamp(microseconds: 0))
        #expect(!(Timestamp(microseconds: 0) < Timestamp(microseconds: 0)))
    }
}
