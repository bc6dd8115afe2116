/// A count for each case of an enumeration that numbers its cases from 0. Plain integers, and no allocation.
struct Tally<Key: RawRepresentable & CaseIterable & Sendable>: Sendable where Key.RawValue == Int {
    // More than any enumeration has that is counted by: the type needs a number.
    private var counts = InlineArray<64, UInt64>(repeating: 0)

    init() { precondition(Key.allCases.allSatisfy { counts.indices.contains($0.rawValue) }) }

    subscript(key: Key) -> UInt64 {
        get { counts[key.rawValue] }
        set { counts[key.rawValue] = newValue }
    }

    /// Adds what another one has counted.
    mutating func add(_ other: Tally) { for index in counts.indices { counts[index] &+= other.counts[index] } }
}
