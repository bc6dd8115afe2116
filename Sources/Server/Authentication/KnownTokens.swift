import Chat

/// The opaque tokens that one loop has seen lately, so that whoever comes back by one is let in without the store.
/// Whatever is revoked is forgotten as soon as the loop hears of it.
final class KnownTokens {
    /// Half of a digest: nobody finds another token for it.
    private struct Key: Hashable {
        let high, low: UInt64

        init(_ digest: [UInt8]) {
            func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
            (high, low) = (word(digest[0..<8]), word(digest[8..<16]))
        }
    }

    private struct Holder {
        let user: User
        let token: TokenID
        /// The last of all moments where it does not.
        let expiry: Timestamp
        static let never = Timestamp(microseconds: .max)

        var expiresAt: Timestamp? { expiry == Self.never ? nil : expiry }
    }

    private var holders: [Key: Holder] = [:]
    /// About 10 MB.
    private static let limit = 50_000

    /// Whose a token is, where that is known.
    func find(_ digest: [UInt8]) -> Authentication? {
        guard let holder = holders[Key(digest)] else { return nil }
        // The store says so, where failures are counted.
        if let expiresAt = holder.expiresAt, expiresAt <= .now {
            holders[Key(digest)] = nil
            return nil
        }
        return .person(holder.user, .opaque(holder.token, digest: digest), expiresAt: holder.expiresAt)
    }

    func remember(_ authentication: Authentication) {
        guard case .person(let user, .opaque(let token, let digest), let expiresAt) = authentication else { return }
        if holders.count >= Self.limit { holders = [:] }
        holders[Key(digest)] = Holder(user: user, token: token, expiry: expiresAt ?? Holder.never)
    }

    func forget(_ revocation: Revocation) {
        switch revocation {
        case .token(_, let digest): holders[Key(digest)] = nil
        case .person(let user): holders = holders.filter { $0.value.user.id != user }
        }
    }
}
