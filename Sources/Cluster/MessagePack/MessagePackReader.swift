/// Reads MessagePack value by value, for who knows what comes next. Nothing but texts and bytes is copied.
///
/// What is announced must be there: a header is followed by at least a byte for each value that it claims, so that a
/// claim costs no memory.
package struct MessagePackReader {
    package typealias Malformed = MessagePack.Malformed

    private let bytes: [UInt8]
    private var position: Int

    /// - Parameter start: Where the first value begins.
    package init(_ bytes: [UInt8], from start: Int = 0) {
        precondition(start <= bytes.count)
        self.bytes = bytes
        position = start
    }

    /// How many bytes are to be read.
    package var left: Int { bytes.count - position }

    // MARK: - Values

    package mutating func bool() throws(Malformed) -> Bool {
        switch try byte() {
        case 0xC2: false
        case 0xC3: true
        default: throw .notAllowed
        }
    }

    /// - Throws: ``MessagePack/Malformed/notAllowed`` for one that has no room in 64 bits, too.
    package mutating func integer() throws(Malformed) -> Int64 {
        let mark = try byte()
        switch mark {
        case 0x00...0x7F: return Int64(mark)
        case 0xE0...0xFF: return Int64(Int8(bitPattern: mark))
        case 0xCC...0xCF:
            guard let value = Int64(exactly: try number(1 << (mark - 0xCC))) else { throw .notAllowed }
            return value
        case 0xD0...0xD3: return try signed(1 << (mark - 0xD0))
        default: throw .notAllowed
        }
    }

    package mutating func string() throws(Malformed) -> String {
        let mark = try byte()
        switch mark {
        case 0xA0...0xBF: return try string(Int(mark & 0x1F))
        case 0xD9...0xDB: return try string(try length(1 << (mark - 0xD9)))
        default: throw .notAllowed
        }
    }

    package mutating func data() throws(Malformed) -> [UInt8] {
        let mark = try byte()
        guard case 0xC4...0xC6 = mark else { throw .notAllowed }
        return try take(try length(1 << (mark - 0xC4)))
    }

    /// Reads past a null, where one comes.
    package mutating func null() -> Bool {
        guard left > 0, bytes[position] == 0xC0 else { return false }
        position += 1
        return true
    }

    /// Begins an array.
    ///
    /// - Returns: How many values it has; as many bytes are left at least.
    package mutating func array() throws(Malformed) -> Int {
        let mark = try byte()
        switch mark {
        case 0x90...0x9F: return try claim(Int(mark & 0x0F))
        case 0xDC, 0xDD: return try claim(try length(mark == 0xDC ? 2 : 4))
        default: throw .notAllowed
        }
    }

    /// Begins a map.
    ///
    /// - Returns: How many pairs of a key and a value it has; twice as many bytes are left at least.
    package mutating func map() throws(Malformed) -> Int {
        let mark = try byte()
        switch mark {
        case 0x80...0x8F: return try claim(2 * Int(mark & 0x0F)) / 2
        case 0xDE, 0xDF: return try claim(2 * (try length(mark == 0xDE ? 2 : 4))) / 2
        default: throw .notAllowed
        }
    }

    /// Reads past values of any kind, however deep they nest.
    package mutating func skip(_ count: Int = 1) throws(Malformed) {
        // Every value has a byte of its own, so that this ends with the bytes.
        var open = count
        while open > 0 {
            open -= 1
            let mark = try byte()
            switch mark {
            case 0x00...0x7F, 0xC0, 0xC2, 0xC3, 0xE0...0xFF: break
            case 0x80...0x8F: open += try claim(2 * Int(mark & 0x0F))
            case 0x90...0x9F: open += try claim(Int(mark & 0x0F))
            case 0xA0...0xBF: try pass(Int(mark & 0x1F))
            case 0xC4...0xC6: try pass(try length(1 << (mark - 0xC4)))
            case 0xC7...0xC9: try pass(try length(1 << (mark - 0xC7)) + 1)
            case 0xCA, 0xCB: try pass(mark == 0xCA ? 4 : 8)
            case 0xCC...0xCF: try pass(1 << (mark - 0xCC))
            case 0xD0...0xD3: try pass(1 << (mark - 0xD0))
            case 0xD4...0xD8: try pass(1 << (mark - 0xD4) + 1)
            case 0xD9...0xDB: try pass(try length(1 << (mark - 0xD9)))
            case 0xDC, 0xDD: open += try claim(try length(mark == 0xDC ? 2 : 4))
            case 0xDE, 0xDF: open += try claim(2 * (try length(mark == 0xDE ? 2 : 4)))
            // 0xC1: never used.
            default: throw .notAllowed
            }
        }
    }

    // MARK: - Parts of values

    mutating func byte() throws(Malformed) -> UInt8 {
        guard left > 0 else { throw .length }
        defer { position += 1 }
        return bytes[position]
    }

    /// Big-endian, of 1 to 8 bytes.
    mutating func number(_ width: Int) throws(Malformed) -> UInt64 {
        guard width <= left else { throw .length }
        var value: UInt64 = 0
        for index in position..<position + width { value = value << 8 | UInt64(bytes[index]) }
        position += width
        return value
    }

    /// The same in two's complement.
    mutating func signed(_ width: Int) throws(Malformed) -> Int64 {
        let unused = 64 - 8 * width
        return Int64(bitPattern: try number(width) << unused) >> unused
    }

    /// At most 2^32 - 1.
    mutating func length(_ width: Int) throws(Malformed) -> Int { Int(try number(width)) }

    mutating func string(_ count: Int) throws(Malformed) -> String {
        guard count <= left else { throw .length }
        let start = position
        position += count
        guard let text = try? UTF8Span(validating: bytes.span.extracting(start..<position)) else { throw .notUTF8 }
        return String(copying: text)
    }

    mutating func take(_ count: Int) throws(Malformed) -> [UInt8] {
        guard count <= left else { throw .length }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    /// As many values are to come.
    func claim(_ count: Int) throws(Malformed) -> Int {
        if count > left { throw .length }
        return count
    }

    private mutating func pass(_ count: Int) throws(Malformed) {
        guard count <= left else { throw .length }
        position += count
    }
}
