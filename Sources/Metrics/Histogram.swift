/// How often a value fell into which range. Plain integers: whoever owns it counts without a lock and without allocating.
package struct Histogram: Sendable {
    /// The most bounds that a scale may have.
    fileprivate static let places = 16

    /// The ranges: what is counted, in whole units, and how many of these make the unit that is shown.
    package struct Scale: Sendable {
        /// The upper bounds, ascending; a value that equals one is within.
        let bounds: [UInt64]
        let unitsInBase: Double

        /// - Parameters:
        ///   - bounds: At most 16.
        ///   - unitsInBase: 1,000,000 for microseconds that are shown in seconds.
        package init(bounds: [UInt64], unitsInBase: Double = 1) {
            precondition(
                bounds.count <= places && bounds == bounds.sorted(), "bounds ascend and are no more than \(places)")
            self.bounds = bounds
            self.unitsInBase = unitsInBase
        }

        /// Microseconds, from a tenth of a millisecond to ten seconds.
        package static let latency = Scale(
            bounds: [
                100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
                2_500_000, 5_000_000, 10_000_000,
            ], unitsInBase: 1_000_000)

        /// Microseconds, from a millisecond to five seconds: for what is looked at in milliseconds.
        package static let lag = Scale(
            bounds: [1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000],
            unitsInBase: 1_000_000)

        /// Things, from one to ten thousand.
        package static let size = Scale(bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000])
    }

    package let scale: Scale
    // Beside the counts, and filled up with what no value is above: counting follows no reference and needs no length.
    private var bounds = InlineArray<16, UInt64>(repeating: .max)
    private var counts = InlineArray<17, UInt64>(repeating: 0)
    /// All values together, in units.
    package private(set) var sum: UInt64 = 0

    package init(_ scale: Scale) {
        self.scale = scale
        for index in scale.bounds.indices { bounds[index] = scale.bounds[index] }
    }

    /// Counts a value, as often as it came.
    package mutating func note(_ value: UInt64, times: UInt64 = 1) {
        var place = 0
        while place < Self.places, value > bounds[place] { place += 1 }
        counts[place] &+= times
        sum &+= value &* times
    }

    /// Adds what another one of the same scale has counted.
    package mutating func add(_ other: Histogram) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
        sum &+= other.sum
    }

    /// How many values there were.
    package var count: UInt64 { upTo(Self.places) }

    /// For each bound, in the unit that is shown, how many values were within it.
    package var cumulative: [(bound: Double, count: UInt64)] {
        scale.bounds.indices.map { (Double(scale.bounds[$0]) / scale.unitsInBase, upTo($0)) }
    }

    private func upTo(_ place: Int) -> UInt64 {
        var total: UInt64 = 0
        for index in 0...place { total &+= counts[index] }
        return total
    }
}
