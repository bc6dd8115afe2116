/// An opaque token; here it has no more than an id.
package enum OpaqueToken {}

/// That what somebody signed in with is valid no more.
package enum Revocation: Hashable, Sendable {
    /// One token, by its digest too.
    case token(TokenID, digest: [UInt8])
    /// All that a person has, JWTs included.
    case person(UserID)
}
