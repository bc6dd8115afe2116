import Metrics
import Testing

@Suite struct HistogramTests {
    private let scale = Histogram.Scale(bounds: [10, 20, 50], unitsInBase: 10)

    private func counts(_ histogram: Histogram) -> [UInt64] { histogram.cumulative.map(\.count) }

    @Test("a value counts within every bound from its own on")
    func cumulative() {
        var histogram = Histogram(scale)
        for value in [5, 15, 15, 40] as [UInt64] { histogram.note(value) }
        #expect(counts(histogram) == [1, 3, 4])
        #expect(histogram.cumulative.map(\.bound) == [1, 2, 5])
    }

    @Test(
        "a value that equals a bound is within it",
        arguments: [(10, [1, 1, 1]), (11, [0, 1, 1]), (50, [0, 0, 1])] as [(UInt64, [UInt64])])
    func edges(_ value: UInt64, _ expected: [UInt64]) {
        var histogram = Histogram(scale)
        histogram.note(value)
        #expect(counts(histogram) == expected)
    }

    @Test("what is above all bounds counts in the whole only", arguments: [51, .max] as [UInt64])
    func above(_ value: UInt64) {
        var histogram = Histogram(scale)
        histogram.note(value)
        #expect(counts(histogram) == [0, 0, 0])
        #expect(histogram.count == 1)
    }

    @Test("a value that came several times counts as often")
    func times() {
        var histogram = Histogram(scale)
        histogram.note(15, times: 3)
        histogram.note(20, times: 0)
        #expect(counts(histogram) == [0, 3, 3])
        #expect(histogram.sum == 45)
    }

    @Test("two of them added are as one that has noted everything")
    func adding() {
        var (one, other, both) = (Histogram(scale), Histogram(scale), Histogram(scale))
        for (number, value) in ([1, 12, 30, 99, 20] as [UInt64]).enumerated() {
            if number.isMultiple(of: 2) { one.note(value) } else { other.note(value) }
            both.note(value)
        }
        one.add(other)
        #expect(counts(one) == counts(both))
        #expect((one.sum, one.count) == (both.sum, both.count))
    }

    @Test("the sum of very large values goes round instead of ending the process")
    func overflow() {
        var histogram = Histogram(scale)
        histogram.note(.max, times: 3)
        #expect(histogram.count == 3)
    }
}
