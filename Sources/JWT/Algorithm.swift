/// How a token is signed: the part of RFC 7518, section 3.1, that is understood.
package enum Algorithm: String, CaseIterable, Sendable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    /// ECDSA over P-256 with SHA-256; its signature is r and s, 32 bytes each.
    case es256 = "ES256"

    /// The only kind of key that it may be used with.
    package var kind: Key.Kind {
        switch self {
        case .hs256, .hs384, .hs512: .secret
        case .rs256: .rsa
        case .es256: .p256
        }
    }

    /// OpenSSL's name of its hash.
    var digest: String {
        switch self {
        case .hs256, .rs256, .es256: "SHA256"
        case .hs384: "SHA384"
        case .hs512: "SHA512"
        }
    }
}
