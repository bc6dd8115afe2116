import Chat

/// What somebody is typing, in a dialect that never says when that ends: the server does, 3 s after the last sign
/// (INTEROP.md). Times are ticks of a ``DeadlineWheel``.
struct Typing {
    /// One tick more than 3 s: the present one has begun already.
    private static let patience = 3 * DeadlineWheel.resolution + 1

    private var signs: [Destination: (sign: TypingSign, end: UInt32)] = [:]

    var isEmpty: Bool { signs.isEmpty }

    mutating func note(_ sign: TypingSign, for destination: Destination, at now: UInt32) {
        signs[destination] = (sign, now + Self.patience)
    }

    /// - Returns: What is to be heard of the end; `nil` when nothing was going on there.
    mutating func end(for destination: Destination) -> TypingSign? {
        signs.isEmpty ? nil : signs.removeValue(forKey: destination)?.sign.ended
    }

    /// A message has been sent, which ends all typing for it.
    mutating func end(with message: Message) -> [TypingSign] {
        let ended = signs.filter { destination, _ in
            switch destination {
            case .person(let reader): message.recipients == [reader]
            case .conversation(let id): id == message.conversation
            }
        }
        return ended.keys.compactMap { end(for: $0) }
    }

    /// The tick at which ``takeEnded(at:)`` wants to be called.
    var deadline: UInt32 { signs.isEmpty ? .max : signs.values.lazy.map(\.end).min() ?? .max }

    /// What had no sign for too long.
    mutating func takeEnded(at now: UInt32) -> [TypingSign] {
        signs.filter { $0.value.end <= now }.keys.compactMap { end(for: $0) }
    }

    /// The connection ends, and all typing with it.
    mutating func takeAll() -> [TypingSign] {
        defer { signs = [:] }
        return signs.values.map(\.sign.ended)
    }
}

extension TypingSign {
    fileprivate var ended: TypingSign {
        var sign = self
        sign.isTyping = false
        return sign
    }
}
