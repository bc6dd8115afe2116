import JSON

/// Decides which tokens in the compact serialization (RFC 7515, section 7.1) are accepted.
///
/// A value: for other keys, another one takes its place. Several threads may use one at once.
package struct Verifier: Sendable {
    package static let maximumLength = 8192

    package var keys: [Key]
    /// `nil` for all that the keys serve.
    package var algorithms: Set<Algorithm>?
    /// What `iss` must be, byte for byte; `nil` if it isn't looked at.
    package var issuer: String?
    /// `aud` must have one of these, byte for byte. If there are none, it isn't looked at, though RFC 7519, section
    /// 4.1.3, would have a token with an `aud` refused then: who only stands beside another login often does not know
    /// by what name it goes there.
    package var audiences: [String]
    /// How far the clocks of issuer and verifier may be apart; `exp` and `nbf` are taken that much less exactly.
    package var leeway: Duration {
        didSet { precondition(leeway >= .zero) }
    }

    package init(
        keys: [Key], algorithms: Set<Algorithm>? = nil, issuer: String? = nil, audiences: [String] = [],
        leeway: Duration = .zero
    ) {
        precondition(leeway >= .zero)
        self.keys = keys
        self.algorithms = algorithms
        self.issuer = issuer
        self.audiences = audiences
        self.leeway = leeway
    }

    /// Looks at the signature first, and at what the token says only if that is right.
    ///
    /// - Parameters:
    ///   - token: Without white space around it.
    ///   - now: Microseconds since 1970.
    package func verify(_ token: String, at now: Int64) throws(Refusal) -> Claims {
        let token = try CompactToken(token)
        try verifySignature(of: token)
        return try token.withPayload { payload throws(Refusal) in try claims(of: payload, at: now) }
    }
}

// MARK: - The signature

extension Verifier {
    /// No key from the header (`jwk`, `x5c`) is ever used, nor fetched (`jku`, `x5u`).
    private func verifySignature(of token: CompactToken) throws(Refusal) {
        let header = try token.withHeader { json throws(Refusal) in try Header(json) }
        let signature = try token.signature()
        let serving = keys.filter { $0.serves(header.algorithm) }
        guard algorithms?.contains(header.algorithm) ?? true, !serving.isEmpty else {
            throw .algorithmNotAllowed(header.algorithm)
        }
        var candidates = serving
        if let id = header.keyID {
            candidates = serving.filter { $0.id.map { $0.isSame(as: id) } ?? true }
            guard !candidates.isEmpty else { throw .unknownKey(id: id) }
        }
        guard candidates.contains(where: { $0.verifies(signature, of: token.signed.span, using: header.algorithm) })
        else {
            throw .wrongSignature
        }
    }

    /// The part of a header (RFC 7515, section 4.1) that decides.
    private struct Header {
        let algorithm: Algorithm
        let keyID: String?

        init(_ json: JSONValue) throws(Refusal) {
            guard let name = json["alg"]?.string else { throw .algorithmMissing }
            guard let algorithm = Algorithm(rawValue: name) else { throw .algorithmUnsupported(name) }
            self.algorithm = algorithm
            guard json["crit"] == nil else { throw .criticalExtension }
            guard json["b64"] == nil else { throw .unencodedPayload }
            guard json["cty"]?.string?.lowercased() != "jwt" else { throw .nested }
            if let value = json["kid"] {
                guard let id = value.string else { throw .keyIDNotAString }
                keyID = id
            } else {
                keyID = nil
            }
        }
    }
}

// MARK: - What the token says

extension Verifier {
    private func claims(of payload: JSONValue, at now: Int64) throws(Refusal) -> Claims {
        let expiresAt = try moment(.expiry, "exp", of: payload, rounded: .down)
        let validFrom = try moment(.notBefore, "nbf", of: payload, rounded: .up)
        _ = try moment(.issuedAt, "iat", of: payload, rounded: .down)
        let validUntil = expiresAt?.addingSaturating(leewayInMicroseconds)
        if let validUntil, now >= validUntil { throw .expired(since: validUntil) }
        if let begin = validFrom?.addingSaturating(-leewayInMicroseconds), now < begin {
            throw .notYetValid(until: begin)
        }
        if let issuer, payload["iss"]?.string.map({ $0.isSame(as: issuer) }) != true {
            throw .wrongIssuer(expected: issuer)
        }
        if !audiences.isEmpty, !isForUs(payload["aud"]) { throw .wrongAudience(expected: audiences) }
        // As djangorestframework-simplejwt has it, which signs both kinds with one key.
        if let type = payload["token_type"]?.string, type != "access" { throw .notAnAccessToken(type) }
        return Claims(payload, expiresAt: expiresAt, validUntil: validUntil)
    }

    /// A NumericDate (RFC 7519, section 2) in microseconds; as near as they go for one beyond 290,000 years. What JSON's
    /// reader makes of a fraction is exact to a quarter of a microsecond.
    private func moment(
        _ time: Refusal.Time, _ name: StaticString, of payload: JSONValue, rounded rule: FloatingPointRoundingRule
    ) throws(Refusal) -> Int64? {
        guard let value = payload[name] else { return nil }
        if let seconds = value.int64 {
            let (microseconds, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000)
            return overflows ? (seconds < 0 ? .min : .max) : microseconds
        }
        guard let seconds = value.double else { throw .notANumber(time) }
        let microseconds = (seconds * 1_000_000).rounded(rule)
        return Int64(exactly: microseconds) ?? (seconds < 0 ? .min : .max)
    }

    private var leewayInMicroseconds: Int64 {
        let (seconds, attoseconds) = leeway.components
        let (microseconds, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflows ? .max : microseconds.addingSaturating(attoseconds / 1_000_000_000_000)
    }

    /// - Parameter audience: One string, or an array of them (RFC 7519, section 4.1.3).
    private func isForUs(_ audience: JSONValue?) -> Bool {
        func isOurs(_ value: JSONValue) -> Bool {
            guard let name = value.string else { return false }
            return audiences.contains { $0.isSame(as: name) }
        }
        guard let audience else { return false }
        var isForUs = isOurs(audience)
        audience.forEachElement { isForUs = isForUs || isOurs($0) }
        return isForUs
    }
}

extension Int64 {
    fileprivate func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? (other < 0 ? .min : .max) : sum
    }
}

extension String {
    /// Byte for byte (RFC 7519, section 2); `==` would take é and e with an accent for the same.
    fileprivate func isSame(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
