/// The two forms of a P-256 signature: r and s side by side, 32 bytes each, as tokens have it (RFC 7518, section 3.4),
/// and a DER sequence of two integers, as OpenSSL has it.
enum ECDSASignature {
    static let rawLength = 64

    /// - Returns: `nil` if the length is wrong. Whether r and s are in range is OpenSSL's to say.
    static func der(fromRaw raw: [UInt8]) -> [UInt8]? {
        guard raw.count == rawLength else { return nil }
        let integers = integer(raw[..<32]) + integer(raw[32...])
        return [0x30, UInt8(integers.count)] + integers
    }

    /// - Returns: `nil` if this is no signature over P-256.
    static func raw(fromDER der: [UInt8]) -> [UInt8]? {
        guard der.count >= 2, der[0] == 0x30, Int(der[1]) == der.count - 2 else { return nil }
        var rest = der[2...]
        var raw: [UInt8] = []
        for _ in 0..<2 {
            guard rest.popFirst() == 0x02, let length = rest.popFirst(), length <= rest.count else { return nil }
            let magnitude = rest.prefix(Int(length)).drop { $0 == 0 }
            guard magnitude.count <= 32 else { return nil }
            raw += [UInt8](repeating: 0, count: 32 - magnitude.count) + magnitude
            rest = rest.dropFirst(Int(length))
        }
        return rest.isEmpty ? raw : nil
    }

    /// A DER integer: as few bytes as possible, the first below 128 since it is not negative.
    private static func integer(_ magnitude: ArraySlice<UInt8>) -> [UInt8] {
        var content = Array(magnitude.drop { $0 == 0 })
        if content.first.map({ $0 >= 0x80 }) ?? true { content.insert(0, at: 0) }
        return [0x02, UInt8(content.count)] + content
    }
}
