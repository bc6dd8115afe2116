import JWT

/// Names that nobody can guess, for the sessions and sockets of Socket.IO.
enum SessionID {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// 20 characters, 120 bits.
    static func random() -> String { Base64URL.encode(RandomBytes.make(15)) }

    /// The same behind two that tell which shard has the session.
    static func random(onShard shard: UInt16) -> String {
        let prefix = [digits[Int(shard) / 64 % 64], digits[Int(shard) % 64]]
        return String(decoding: prefix, as: UTF8.self) + random()
    }

    /// The shard that has a session, if there is such a shard.
    static func shard(of sid: String, count: Int) -> UInt16? {
        let places = sid.utf8.prefix(2).compactMap { digits.firstIndex(of: $0) }
        guard places.count == 2, places[0] * 64 + places[1] < count else { return nil }
        return UInt16(places[0] * 64 + places[1])
    }
}
