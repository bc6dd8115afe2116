internal import COpenSSL
import JWT

/// An opaque token: 256 random bits, as 43 letters that need no escaping in a URL. Only its digest is ever stored.
package struct AccessToken {
    package let text: String

    package init() {
        text = Base64URL.encode(RandomBytes.make(32))
    }

    /// Whether a token is of this kind; JWTs have dots.
    package static func isOpaque(_ token: String) -> Bool { !token.utf8.contains(UInt8(ascii: ".")) }

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

    /// Whether two digests are the same, in a time that does not tell where they differ.
    static func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == other.count else { return false }
        return unsafe CRYPTO_memcmp(one, other, one.count) == 0
    }
}
