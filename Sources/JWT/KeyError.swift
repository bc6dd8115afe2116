/// Why something can't serve as a key.
package enum KeyError: Error, Equatable, CustomStringConvertible {
    case shortSecret(bytes: Int)
    /// The text of a key file was given as a secret: who has the public key could then sign.
    case secretIsKeyFile
    case noPEM
    case encryptedPEM
    case unreadablePEM
    /// Neither RSA nor a curve P-256.
    case unsupportedKind
    case rsaBits(Int)
    /// The numbers of the key don't make one.
    case unsound
    /// The key is declared for an algorithm of another kind.
    case wrongKind(Algorithm)
    /// Neither a JWK Set nor a JWK.
    case noKeySet
    /// A member of a JWK that is missing or not what it should be.
    case malformedMember(String)
    /// A JWK whose `use` or `key_ops` does not have verifying.
    case forOtherUse
    /// The JWK's `alg` is one that isn't supported.
    case unsupportedAlgorithm(String)
    case noUsableKey([KeySet.Skipped])

    package var description: String {
        switch self {
        case .shortSecret(let bytes):
            "a secret needs \(Key.minimumSecretLength) bytes or more, this one has \(bytes)"
        case .secretIsKeyFile: "this is the text of a key file, not a secret"
        case .noPEM: "there is no PEM block with a key or a certificate"
        case .encryptedPEM: "the private key is encrypted; only unencrypted ones can be read"
        case .unreadablePEM: "the PEM block can't be read; it may be damaged, or encrypted"
        case .unsupportedKind: "the key is neither RSA nor EC with the curve P-256"
        case .rsaBits(let bits):
            "an RSA key needs \(Key.rsaBits.lowerBound) to \(Key.rsaBits.upperBound) bits, this one has \(bits)"
        case .unsound: "the numbers in it make no sound key"
        case .wrongKind(let algorithm): "a key of this kind can't be used with \(algorithm.rawValue)"
        case .noKeySet: "this is no JWK Set: a JSON object with an array \"keys\""
        case .malformedMember(let name): "the member \(quoted(name)) is missing or malformed"
        case .forOtherUse: "it is not meant for verifying (use, key_ops)"
        case .unsupportedAlgorithm(let name): "it is for the algorithm \(quoted(name)), which is not supported"
        case .noUsableKey(let skipped) where skipped.isEmpty: "the JWK Set has no keys"
        case .noUsableKey(let skipped):
            "none of its keys can be used: " + skipped.prefix(8).map(\.description).joined(separator: "; ")
        }
    }
}

/// Text from outside, made fit for a line of a log or a terminal: short, and without control characters.
func quoted(_ text: String) -> String {
    let limit = 40
    let kept = text.unicodeScalars.prefix(limit).map { (" "..."~").contains($0) && $0 != "\"" ? Character($0) : "?" }
    return "\"" + String(kept) + (text.unicodeScalars.count > limit ? "…" : "") + "\""
}
