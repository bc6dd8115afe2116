/// Packets that wait for a client, in order.
struct PacketQueue: Sendable {
    private var packets: [OutgoingPacket] = []
    /// What lies before this index has been taken.
    private var start = 0
    /// The packets' bytes, and what keeping each costs: otherwise tiny ones would take many times their size.
    private(set) var byteCount = 0
    private static let overhead = 64

    var isEmpty: Bool { start == packets.count }

    /// What ``byteCount`` would be with one packet more.
    func byteCount(with packet: OutgoingPacket) -> Int { byteCount + packet.byteCount + Self.overhead }

    mutating func append(_ packet: OutgoingPacket) {
        byteCount = byteCount(with: packet)
        packets.append(packet)
    }

    mutating func popFirst() -> OutgoingPacket? {
        guard start < packets.count else { return nil }
        let packet = packets[start]
        start += 1
        byteCount -= packet.byteCount + Self.overhead
        if isEmpty {
            self = PacketQueue()
        } else if start >= 64, start >= packets.count / 2 {
            // Moving only when at least half is taken keeps the cost linear.
            packets.removeSubrange(..<start)
            start = 0
        }
        return packet
    }

    /// Packets in one payload: python-engineio takes no more.
    private static let payloadLimit = 16

    /// Takes as many packets as a payload of `limit` bytes holds, but at least one.
    mutating func takePayload(limit: Int) -> [UInt8] {
        var (length, end) = (0, start)
        while end < packets.count, end - start < Self.payloadLimit {
            let next = Payload.length(of: packets[end]) + (end == start ? 0 : 1)
            if end > start, length + next > limit { break }
            length += next
            end += 1
        }
        var payload: [UInt8] = []
        payload.reserveCapacity(length)
        for _ in start..<end {
            if let packet = popFirst() { Payload.append(packet, to: &payload) }
        }
        return payload
    }
}
