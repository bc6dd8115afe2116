package import Chat

/// Writes MessagePack straight into bytes, each value in its shortest form.
///
/// What a header announces is the caller's care: as many values have to follow as it says.
package struct MessagePackWriter {
    /// What was written so far, and before it what the writer was made with.
    package var bytes: [UInt8]

    /// - Parameters:
    ///   - bytes: What the values are written behind.
    ///   - capacity: How many bytes are expected; more is no error.
    package init(behind bytes: consuming [UInt8] = [], reserving capacity: Int = 64) {
        self.bytes = bytes
        self.bytes.reserveCapacity(capacity)
    }

    package mutating func null() { bytes.append(0xC0) }

    package mutating func append(_ value: Bool) { bytes.append(value ? 0xC3 : 0xC2) }

    package mutating func append(_ value: Int) { append(Int64(value)) }

    package mutating func append(_ value: Int64) {
        if value >= 0 { return append(UInt64(value)) }
        switch value {
        case -32..<0: bytes.append(UInt8(truncatingIfNeeded: value))
        case -0x80 ..< -32: append(0xD0, Int8(truncatingIfNeeded: value))
        case -0x8000 ..< -0x80: append(0xD1, Int16(truncatingIfNeeded: value))
        case -0x8000_0000 ..< -0x8000: append(0xD2, Int32(truncatingIfNeeded: value))
        default: append(0xD3, value)
        }
    }

    package mutating func append(_ value: UInt64) {
        switch value {
        case 0..<0x80: bytes.append(UInt8(truncatingIfNeeded: value))
        case 0x80..<0x100: append(0xCC, UInt8(truncatingIfNeeded: value))
        case 0x100..<0x1_0000: append(0xCD, UInt16(truncatingIfNeeded: value))
        case 0x1_0000..<0x1_0000_0000: append(0xCE, UInt32(truncatingIfNeeded: value))
        default: append(0xCF, value)
        }
    }

    package mutating func append(_ text: String) {
        let count = text.utf8.count
        switch count {
        case 0..<32: bytes.append(0xA0 | UInt8(truncatingIfNeeded: count))
        case 32..<0x100: append(0xD9, UInt8(truncatingIfNeeded: count))
        case 0x100..<0x1_0000: append(0xDA, UInt16(truncatingIfNeeded: count))
        default: append(0xDB, UInt32(count))
        }
        bytes.append(contentsOf: text.utf8)
    }

    /// Bytes that are no text.
    package mutating func append(_ data: [UInt8]) {
        switch data.count {
        case 0..<0x100: append(0xC4, UInt8(truncatingIfNeeded: data.count))
        case 0x100..<0x1_0000: append(0xC5, UInt16(truncatingIfNeeded: data.count))
        default: append(0xC6, UInt32(data.count))
        }
        bytes.append(contentsOf: data)
    }

    package mutating func append<Subject>(_ id: ID<Subject>) { append(id.rawValue) }

    /// Begins an array.
    ///
    /// - Parameter count: How many values it has: those that follow.
    package mutating func array(_ count: Int) {
        switch count {
        case 0..<16: bytes.append(0x90 | UInt8(truncatingIfNeeded: count))
        case 16..<0x1_0000: append(0xDC, UInt16(truncatingIfNeeded: count))
        default: append(0xDD, UInt32(count))
        }
    }

    /// Begins a map.
    ///
    /// - Parameter count: How many pairs of a key and a value it has.
    package mutating func map(_ count: Int) {
        switch count {
        case 0..<16: bytes.append(0x80 | UInt8(truncatingIfNeeded: count))
        case 16..<0x1_0000: append(0xDE, UInt16(truncatingIfNeeded: count))
        default: append(0xDF, UInt32(count))
        }
    }

    /// Big-endian.
    @inline(__always) private mutating func append(_ mark: UInt8, _ value: some FixedWidthInteger) {
        bytes.append(mark)
        unsafe withUnsafeBytes(of: value.bigEndian) { unsafe bytes.append(contentsOf: $0) }
    }
}
