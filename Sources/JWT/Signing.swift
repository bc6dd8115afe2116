import JSON

extension Key {
    /// Makes a token.
    ///
    /// - Parameters:
    ///   - claims: A JSON object; it is not checked.
    ///   - keyID: The header's `kid`, left out if `nil`.
    package func sign(
        claims: [UInt8], using algorithm: Algorithm, keyID: String? = nil
    ) throws(SigningError) -> String {
        var header = JSONWriter()
        header.object { header in
            header.member("alg", algorithm.rawValue)
            header.member("typ", "JWT")
            if let keyID { header.member("kid", keyID) }
        }
        let message = Base64URL.encode(header.bytes) + "." + Base64URL.encode(claims)
        let signature = try signature(of: Array(message.utf8).span, using: algorithm)
        let token = message + "." + Base64URL.encode(signature)
        guard token.utf8.count <= Verifier.maximumLength else { throw .tooLong(bytes: token.utf8.count) }
        return token
    }
}

/// Why a token can't be made.
package enum SigningError: Error, Equatable, CustomStringConvertible {
    /// The key is of another kind, declared for another algorithm, or only good for verifying.
    case unfitKey(Algorithm)
    /// The token would be refused for its length.
    case tooLong(bytes: Int)
    case failed

    package var description: String {
        switch self {
        case .unfitKey(let algorithm): "this key can't sign with \(algorithm.rawValue)"
        case .tooLong(let bytes):
            "the token would have \(bytes) bytes; \(Verifier.maximumLength) is the most that is accepted"
        case .failed: "OpenSSL could not sign"
        }
    }
}
