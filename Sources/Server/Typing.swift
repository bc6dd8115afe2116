import Chat

/// For whom somebody is typing, in a dialect that never says when that ends: the server does, 3 s after the last sign
/// (INTEROP.md). Times are ticks of a ``DeadlineWheel``.
struct Typing {
    /// One tick more than 3 s: the present one has begun already.
    private static let patience = 3 * DeadlineWheel.resolution + 1

    private var ends: [UserID: UInt32] = [:]

    var isEmpty: Bool { ends.isEmpty }

    mutating func sign(for reader: UserID, at now: UInt32) { ends[reader] = now + Self.patience }

    /// - Returns: Whether it had gone on until now.
    mutating func end(for reader: UserID) -> Bool { ends.removeValue(forKey: reader) != nil }

    /// The tick at which ``takeEnded(at:)`` wants to be called.
    var deadline: UInt32 { ends.isEmpty ? .max : ends.values.min() ?? .max }

    /// For whom nothing was typed for too long.
    mutating func takeEnded(at now: UInt32) -> [UserID] {
        let ended = ends.filter { $0.value <= now }.map(\.key)
        for reader in ended { ends[reader] = nil }
        return ended
    }

    /// The connection ends, and all typing with it.
    mutating func takeAll() -> [UserID] {
        defer { ends = [:] }
        return Array(ends.keys)
    }
}
