/// Reads MessagePack: exactly one value, whose maps have strings as keys.
///
/// Its own, as msgpack-c reserves memory for as many elements as a header claims, whatever follows, and has no limit to
/// how deep they nest. Here a header must be followed by at least a byte for each element that it claims.
package struct MessagePack {
    private var reader: MessagePackReader
    private var depth = 0

    /// Arrays and maps around a value.
    package static let maximumDepth = 32

    package enum Malformed: Error, Equatable {
        /// More was announced than there is, or there is more than one value.
        case length
        case tooDeep
        case notUTF8
        /// A key that is no string, or a byte that begins nothing.
        case notAllowed
    }

    /// - Complexity: O(*n*) in the bytes, of time and of memory.
    package static func decode(_ bytes: [UInt8]) throws(Malformed) -> PackedValue {
        var pack = MessagePack(reader: MessagePackReader(bytes))
        let value = try pack.value()
        if pack.reader.left > 0 { throw .length }
        return value
    }

    private mutating func value() throws(Malformed) -> PackedValue {
        let mark = try reader.byte()
        switch mark {
        case 0x00...0x7F: return .integer(Int64(mark))
        case 0x80...0x8F: return try map(Int(mark & 0x0F))
        case 0x90...0x9F: return try array(Int(mark & 0x0F))
        case 0xA0...0xBF: return .string(try reader.string(Int(mark & 0x1F)))
        case 0xC0: return .null
        case 0xC2: return .bool(false)
        case 0xC3: return .bool(true)
        case 0xC4...0xC6: return .bytes(try reader.take(try reader.length(1 << (mark - 0xC4))))
        case 0xC7...0xC9:
            let count = try reader.length(1 << (mark - 0xC7))
            return try other(count)
        case 0xCA: return .double(Double(Float(bitPattern: UInt32(truncatingIfNeeded: try reader.number(4)))))
        case 0xCB: return .double(Double(bitPattern: try reader.number(8)))
        case 0xCC...0xCF:
            let number = try reader.number(1 << (mark - 0xCC))
            return Int64(exactly: number).map { .integer($0) } ?? .unsigned(number)
        case 0xD0...0xD3: return .integer(try reader.signed(1 << (mark - 0xD0)))
        case 0xD4...0xD8: return try other(1 << (mark - 0xD4))
        case 0xD9...0xDB: return .string(try reader.string(try reader.length(1 << (mark - 0xD9))))
        case 0xDC, 0xDD: return try array(try reader.length(mark == 0xDC ? 2 : 4))
        case 0xDE, 0xDF: return try map(try reader.length(mark == 0xDE ? 2 : 4))
        case 0xE0...0xFF: return .integer(Int64(Int8(bitPattern: mark)))
        // 0xC1: never used.
        default: throw .notAllowed
        }
    }

    private mutating func array(_ count: Int) throws(Malformed) -> PackedValue {
        try enter(count)
        var values: [PackedValue] = []
        values.reserveCapacity(min(count, 64))
        for _ in 0..<count { values.append(try value()) }
        depth -= 1
        return .array(values)
    }

    private mutating func map(_ count: Int) throws(Malformed) -> PackedValue {
        try enter(2 * count)
        var members: [PackedValue.Member] = []
        members.reserveCapacity(min(count, 64))
        for _ in 0..<count {
            guard case .string(let key) = try value() else { throw .notAllowed }
            members.append(PackedValue.Member(key: key, value: try value()))
        }
        depth -= 1
        return .map(members)
    }

    private mutating func enter(_ count: Int) throws(Malformed) {
        _ = try reader.claim(count)
        if depth == Self.maximumDepth { throw .tooDeep }
        depth += 1
    }

    private mutating func other(_ count: Int) throws(Malformed) -> PackedValue {
        let type = Int8(bitPattern: try reader.byte())
        return .other(type: type, try reader.take(count))
    }
}
