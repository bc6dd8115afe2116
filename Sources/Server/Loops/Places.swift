import Chat

/// Where a loop has its carriers. A place that was left is taken again, as another generation: what was meant for the
/// one before does not reach the next.
struct Places {
    private let shard: UInt16
    private var places: [Carrier?] = []
    /// Those that were left, as whoever comes next will have them.
    private var left: [ConnectionID] = []

    /// - Parameter shard: The loop's number.
    init(of shard: UInt16) { self.shard = shard }

    /// The carrier in a place, if it is still the one that was meant.
    subscript(id: ConnectionID) -> Carrier? {
        let carrier = places[Int(id.slot)]
        return carrier?.id == id ? carrier : nil
    }

    var carriers: [Carrier] { places.compactMap(\.self) }

    /// How many are taken.
    var count: Int { places.count - left.count }

    /// Takes a place for whom ``put(_:)`` is to bring.
    mutating func take() -> ConnectionID {
        if let free = left.popLast() { return free }
        places.append(nil)
        return ConnectionID(shard: shard, slot: UInt32(places.count - 1), generation: 0)
    }

    mutating func put(_ carrier: Carrier) { places[Int(carrier.id.slot)] = carrier }

    mutating func free(_ id: ConnectionID) {
        places[Int(id.slot)] = nil
        left.append(ConnectionID(shard: shard, slot: id.slot, generation: id.generation &+ 1))
    }
}
