import Chat
import Foundation

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
        guard let bytes = Data(base64Encoded: Data(token.map(Self.standard))).map(Array.init), bytes.count >= 73,
            bytes[0] == 0x80
        else { return nil }
        let signed = bytes[..<(bytes.count - 32)], seal = bytes[(bytes.count - 32)...]
        let sealedAt = bytes[1..<9].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let seconds = now.microseconds / 1_000_000
        if let lifetime {
            guard let sealedAt = Int64(exactly: sealedAt), sealedAt <= seconds + 60,
                sealedAt >= seconds - lifetime.components.seconds
            else { return nil }
        }
        for key in keys where Digest.isSame(Digest.hmac(signed, key: key.signing), seal) {
            return Digest.decrypt(Array(signed[25...]), key: key.encryption, vector: Array(signed[9..<25]))
        }
        return nil
    }

    /// A digit of Base64 for URLs, as ordinary Base64 has it (RFC 4648, section 5).
    private static func standard(_ digit: UInt8) -> UInt8 {
        switch digit {
        case UInt8(ascii: "-"): UInt8(ascii: "+")
        case UInt8(ascii: "_"): UInt8(ascii: "/")
        // Not of that alphabet: none at all.
        case UInt8(ascii: "+"), UInt8(ascii: "/"): 0
        default: digit
        }
    }
}
