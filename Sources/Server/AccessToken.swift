internal import COpenSSL

/// An opaque token: 256 random bits, as 43 letters that need no escaping in a URL. Only its digest is ever stored.
package struct AccessToken {
    package let text: String

    package init() {
        var bytes = [UInt8](repeating: 0, count: 32)
        let result = unsafe bytes.withUnsafeMutableBytes { unsafe RAND_bytes($0.baseAddress, Int32($0.count)) }
        precondition(result == 1, "the system has no randomness")
        text = Self.base64URL(bytes)
    }

    package var digest: [UInt8] { Self.digest(of: text) }

    /// SHA-256 of a token's text.
    package static func digest(of token: String) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var token = token
        let result = token.withUTF8 { text in
            unsafe digest.withUnsafeMutableBufferPointer { digest in
                unsafe EVP_Digest(text.baseAddress, text.count, digest.baseAddress, nil, EVP_sha256(), nil)
            }
        }
        precondition(result == 1, "SHA-256 failed")
        return digest
    }

    private static func base64URL(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[Int(bits >> UInt32(count) & 63)])
            }
        }
        if count > 0 { text.append(alphabet[Int(bits << UInt32(6 - count) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }
}
