import Chat

/// A message as a ping's payload: eight bytes, the most significant first.
extension MessageID {
    var cursor: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: rawValue >> (56 - 8 * $0)) } }

    /// - Parameter cursor: A pong's payload; `nil` for one that is no message.
    init?(cursor: Span<UInt8>) {
        guard cursor.count == 8 else { return nil }
        var value: Int64 = 0
        for index in cursor.indices { value = value << 8 | Int64(cursor[index]) }
        self.init(value)
    }
}
