/// Reads MessagePack: exactly one value, whose maps have strings as keys.
///
/// Its own, as msgpack-c reserves memory for as many elements as a header claims, whatever follows, and has no limit to
/// how deep they nest. Here a header must be followed by at least a byte for each element that it claims.
package struct MessagePack {
    private let bytes: [UInt8]
    private var position = 0
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
        var reader = MessagePack(bytes)
        let value = try reader.value()
        if reader.left > 0 { throw .length }
        return value
    }

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var left: Int { bytes.count - position }

    private mutating func value() throws(Malformed) -> PackedValue {
        let mark = try byte()
        switch mark {
        case 0x00...0x7F: return .integer(Int64(mark))
        case 0x80...0x8F: return try map(Int(mark & 0x0F))
        case 0x90...0x9F: return try array(Int(mark & 0x0F))
        case 0xA0...0xBF: return .string(try string(Int(mark & 0x1F)))
        case 0xC0: return .null
        case 0xC2: return .bool(false)
        case 0xC3: return .bool(true)
        case 0xC4...0xC6: return .bytes(try take(try length(1 << (mark - 0xC4))))
        case 0xC7...0xC9:
            let count = try length(1 << (mark - 0xC7))
            return try other(count)
        case 0xCA: return .double(Double(Float(bitPattern: UInt32(truncatingIfNeeded: try number(4)))))
        case 0xCB: return .double(Double(bitPattern: try number(8)))
        case 0xCC...0xCF:
            let number = try number(1 << (mark - 0xCC))
            return Int64(exactly: number).map { .integer($0) } ?? .unsigned(number)
        case 0xD0: return .integer(Int64(Int8(truncatingIfNeeded: try number(1))))
        case 0xD1: return .integer(Int64(Int16(truncatingIfNeeded: try number(2))))
        case 0xD2: return .integer(Int64(Int32(truncatingIfNeeded: try number(4))))
        case 0xD3: return .integer(Int64(truncatingIfNeeded: try number(8)))
        case 0xD4...0xD8: return try other(1 << (mark - 0xD4))
        case 0xD9...0xDB: return .string(try string(try length(1 << (mark - 0xD9))))
        case 0xDC, 0xDD: return try array(try length(mark == 0xDC ? 2 : 4))
        case 0xDE, 0xDF: return try map(try length(mark == 0xDE ? 2 : 4))
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
        if count > left { throw .length }
        if depth == Self.maximumDepth { throw .tooDeep }
        depth += 1
    }

    private mutating func other(_ count: Int) throws(Malformed) -> PackedValue {
        let type = Int8(bitPattern: try byte())
        return .other(type: type, try take(count))
    }

    private mutating func string(_ count: Int) throws(Malformed) -> String {
        guard count <= left else { throw .length }
        guard let text = String(validating: bytes[position..<position + count], as: UTF8.self) else { throw .notUTF8 }
        position += count
        return text
    }

    private mutating func take(_ count: Int) throws(Malformed) -> [UInt8] {
        guard count <= left else { throw .length }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    private mutating func byte() throws(Malformed) -> UInt8 {
        guard left > 0 else { throw .length }
        defer { position += 1 }
        return bytes[position]
    }

    /// Big-endian, of 1 to 8 bytes.
    private mutating func number(_ width: Int) throws(Malformed) -> UInt64 {
        guard width <= left else { throw .length }
        defer { position += width }
        return bytes[position..<position + width].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// At most 2^32 - 1.
    private mutating func length(_ width: Int) throws(Malformed) -> Int { Int(try number(width)) }
}
