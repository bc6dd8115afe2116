import Chat

/// Opens what `cryptography`'s Fernet sealed, with any of several keys: what `symmetric_encryption_keys` of a channel
/// layer does to its messages. (Fernet's specification: version, time, vector, AES-128-CBC, HMAC-SHA-256; in Base64.)
struct Fernet {
    private struct Key {
        let signing, encryption: [UInt8]
    }

    private let keys: [Key]
    /// How old what was sealed may be; `nil` for any age.
    private let lifetime: Duration?

    /// - Parameter keys: As the channel layer is given them: any text, of which the SHA-256 is the key.
    init(_ keys: [String], lifetime: Duration?) {
        self.keys = keys.map { text in
            let key = Digest.sha256(Array(text.utf8))
            return Key(signing: Array(key[..<16]), encryption: Array(key[16...]))
        }
        self.lifetime = lifetime
    }

    /// - Returns: `nil` where it is sealed by none of the keys, or too old.
    func open(_ token: ArraySlice<UInt8>, at now: Timestamp) -> [UInt8]? {
        guard let bytes = Base64.decode(token, isForURLs: true), bytes.count >= 73, bytes[0] == 0x80 else { return nil }
        let signed = bytes[..<(bytes.count - 32)], seal = bytes[(bytes.count - 32)...]
        let sealedAt = bytes[1..<9].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let seconds = now.microseconds / 1_000_000
        if let lifetime {
            guard let sealedAt = Int64(exactly: sealedAt), sealedAt <= seconds + 60,
                sealedAt >= seconds - lifetime.components.seconds
            else { return nil }
        }
        for key in keys where isSame(Digest.hmac(signed, key: key.signing), seal) {
            return Digest.decrypt(Array(signed[25...]), key: key.encryption, vector: Array(signed[9..<25]))
        }
        return nil
    }

    /// In a time that does not tell where they differ.
    private func isSame(_ one: [UInt8], _ other: ArraySlice<UInt8>) -> Bool {
        one.count == other.count && zip(one, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// Base64 (RFC 4648) of what back ends send.
enum Base64 {
    /// - Parameter isForURLs: With `-` and `_` instead of `+` and `/`.
    /// - Returns: `nil` for anything but whole groups of four, padded.
    static func decode(_ text: some Collection<UInt8>, isForURLs: Bool = false) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var group: UInt32 = 0, digits = 0, padding = 0
        for character in text {
            let digit: UInt32
            switch character {
            // Only the last group has any, and two digits at least.
            case UInt8(ascii: "=") where digits >= 2: (digit, padding) = (0, padding + 1)
            case _ where padding > 0: return nil
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = UInt32(character) - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = UInt32(character) - 71
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt32(character) + 4
            case UInt8(ascii: isForURLs ? "-" : "+"): digit = 62
            case UInt8(ascii: isForURLs ? "_" : "/"): digit = 63
            default: return nil
            }
            group = group << 6 | digit
            digits += 1
            if digits < 4 { continue }
            for shift in [16, 8, 0].prefix(3 - padding) { bytes.append(UInt8(truncatingIfNeeded: group >> shift)) }
            (group, digits) = (0, 0)
        }
        return bytes
    }
}
