/// A dictionary by id, for what is looked up with every message: a look touches one place in memory, and no key is
/// hashed for real.
///
/// Open addressing with linear probing. Ids are the server's own and mostly close together, so that multiplying spreads
/// them well enough (Knuth, The Art of Computer Programming, volume 3, section 6.4); nobody outside can choose the ids
/// of what is kept. Removing moves what follows, so that no marks of what was there slow later looks.
///
/// Its code is inlinable so that each kind of value gets its own.
public struct IDTable<Subject, Value> {
    @usableFromInline struct Slot {
        @usableFromInline var key: Int64
        @usableFromInline var value: Value?

        @inlinable init(key: Int64, value: Value?) {
            self.key = key
            self.value = value
        }
    }

    /// A power of two of them, of which at most three quarters are taken, or none.
    @usableFromInline var slots: [Slot] = []
    @usableFromInline var stored = 0
    @inlinable public var count: Int { stored }

    @inlinable public init() {}

    @inlinable public subscript(_ id: ID<Subject>) -> Value? {
        get { find(id.rawValue) }
        set {
            if let newValue { insert(newValue, at: id.rawValue) } else { remove(id.rawValue) }
        }
    }

    /// What `look` makes of a value, which is lent to it: it is not counted.
    @inlinable @inline(__always) public func look<Result>(at id: ID<Subject>, _ look: (Value) -> Result) -> Result? {
        if count == 0 { return nil }
        guard let value = slots[place(of: id.rawValue)].value else { return nil }
        return look(value)
    }

    /// Lets go of the values, and keeps the room that they had.
    @inlinable public mutating func removeAll() {
        if count == 0 { return }
        for index in slots.indices where slots[index].value != nil { slots[index].value = nil }
        stored = 0
    }

    // One call, so that a table in a class is accessed once.
    @inline(never) @inlinable func find(_ key: Int64) -> Value? { count == 0 ? nil : slots[place(of: key)].value }

    @inlinable func home(of key: Int64) -> Int {
        let spread = UInt64(bitPattern: key) &* 0x9E37_79B9_7F4A_7C15
        return Int(spread >> (64 - UInt64(slots.count.trailingZeroBitCount)))
    }

    @inlinable func next(after index: Int) -> Int { (index + 1) & (slots.count - 1) }

    /// Where a key is, or the free place where it would be. There must be places.
    @inlinable func place(of key: Int64) -> Int {
        var index = home(of: key)
        while slots[index].value != nil, slots[index].key != key { index = next(after: index) }
        return index
    }

    @inline(never) @inlinable mutating func insert(_ value: Value, at key: Int64) {
        if 4 * (count + 1) > 3 * slots.count { grow() }
        let index = place(of: key)
        if slots[index].value == nil { stored += 1 }
        slots[index] = Slot(key: key, value: value)
    }

    @inlinable mutating func grow() {
        let former = slots
        slots = Array(repeating: Slot(key: 0, value: nil), count: max(16, 2 * former.count))
        for slot in former where slot.value != nil { slots[place(of: slot.key)] = slot }
    }

    @inlinable mutating func remove(_ key: Int64) {
        if count == 0 { return }
        var gap = place(of: key)
        if slots[gap].value == nil { return }
        slots[gap].value = nil
        stored -= 1
        var index = next(after: gap)
        while slots[index].value != nil {
            // What could not be at home moves to the gap, unless its home lies behind that.
            let distance = (index - home(of: slots[index].key)) & (slots.count - 1)
            if distance >= (index - gap) & (slots.count - 1) {
                slots.swapAt(gap, index)
                gap = index
            }
            index = next(after: index)
        }
    }
}

extension IDTable: Sendable where Value: Sendable {}
extension IDTable.Slot: Sendable where Value: Sendable {}
