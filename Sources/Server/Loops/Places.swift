import Chat

/// Where a loop has its carriers. A place that was left is taken again, as another generation: what was meant for the
/// one before does not reach the next.
struct Places {
    private let shard: UInt16
    private var places: [Place] = []
    private var left: [UInt32] = []

    private struct Place {
        var generation: UInt16 = 0
        var carrier: Carrier?
    }

    /// - Parameter shard: The loop's number.
    init(of shard: UInt16) { self.shard = shard }

    /// The carrier in a place, if it is still the one that was meant.
    subscript(id: ConnectionID) -> Carrier? {
        let place = places[Int(id.slot)]
        return place.generation == id.generation ? place.carrier : nil
    }

    var carriers: [Carrier] { places.compactMap(\.carrier) }

    /// How many are taken.
    var count: Int { places.count - left.count }

    /// Takes a place for whom ``put(_:)`` is to bring.
    mutating func take() -> ConnectionID {
        let slot: UInt32
        if let free = left.popLast() {
            slot = free
        } else {
            slot = UInt32(places.count)
            places.append(Place())
        }
        return ConnectionID(shard: shard, slot: slot, generation: places[Int(slot)].generation)
    }

    mutating func put(_ carrier: Carrier) { places[Int(carrier.id.slot)].carrier = carrier }

    mutating func free(_ id: ConnectionID) {
        places[Int(id.slot)].carrier = nil
        places[Int(id.slot)].generation &+= 1
        left.append(id.slot)
    }
}
