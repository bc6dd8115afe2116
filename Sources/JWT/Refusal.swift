import CivilTime

/// Why a token was refused.
///
/// The description says so in plain words. It holds nothing of the token but the names in its header, cut short, and
/// nothing of a key.
package enum Refusal: Error, Equatable, CustomStringConvertible {
    package enum Part: String, Sendable {
        case header
        case payload
        case signature
    }

    package enum Time: String, Sendable {
        case expiry = "exp"
        case notBefore = "nbf"
        case issuedAt = "iat"
    }

    // What can be seen without a key.
    case tooLong(bytes: Int)
    case notThreeParts(Int)
    /// Five parts: a JWE.
    case encrypted
    case badBase64URL(Part)
    case notAnObject(Part)
    case duplicateMember(Part, name: String)
    case algorithmMissing
    case algorithmUnsupported(String)
    /// `crit`: extensions that must be understood, and none is (RFC 7515, section 4.1.11).
    case criticalExtension
    /// `b64`: a payload that isn't base64url (RFC 7797).
    case unencodedPayload
    /// `cty` says that the payload is a token itself (RFC 7519, section 5.2).
    case nested
    case keyIDNotAString
    // What depends on the keys.
    case algorithmNotAllowed(Algorithm)
    case unknownKey(id: String)
    case wrongSignature
    // What the signature vouches for.
    case notANumber(Time)
    /// - Parameter since: When it expired, leeway included, in microseconds since 1970.
    case expired(since: Int64)
    /// - Parameter until: From when on it will be accepted, leeway included, in microseconds since 1970.
    case notYetValid(until: Int64)
    case wrongIssuer(expected: String)
    case wrongAudience(expected: [String])
    /// `token_type` says that it is for something else, such as to get new tokens with.
    case notAnAccessToken(String)

    package var description: String {
        switch self {
        case .tooLong(let bytes):
            "the token has \(bytes) bytes; \(Verifier.maximumLength) is the most that is accepted"
        case .notThreeParts(let count): "this is not a JWT: it has \(count) part\(count == 1 ? "" : "s") instead of 3"
        case .encrypted: "the token is encrypted (a JWE); only signed tokens are accepted"
        case .badBase64URL(let part): "the \(part.rawValue) is not valid base64url"
        case .notAnObject(let part): "the \(part.rawValue) is not a JSON object"
        case .duplicateMember(let part, let name): "the \(part.rawValue) has the member \(quoted(name)) more than once"
        case .algorithmMissing: "the header does not name its algorithm (alg)"
        case .algorithmUnsupported(let name) where name.lowercased() == "none": "the token is not signed (alg \"none\")"
        case .algorithmUnsupported(let name): "the algorithm \(quoted(name)) is not supported"
        case .criticalExtension: "the header demands extensions (crit), and none is supported"
        case .unencodedPayload: "the header speaks of an unencoded payload (b64), which is not supported"
        case .nested: "the token holds another token (cty), which is not supported"
        case .keyIDNotAString: "the key id in the header (kid) is not a string"
        case .algorithmNotAllowed(let algorithm):
            "the algorithm \(algorithm.rawValue) is not allowed here, or there is no key for it"
        case .unknownKey(let id): "there is no key with the id \(quoted(id)) (kid) for the token's algorithm"
        case .wrongSignature: "the signature is wrong: the token was changed, or signed with another key"
        case .notANumber(let time): "\(time.rawValue) is not a number"
        case .expired(let moment): "the token has expired (\(utc(moment, otherwise: "long ago")))"
        case .notYetValid(let moment): "the token is not valid yet (before \(utc(moment, otherwise: "the far future")))"
        case .wrongIssuer(let expected): "the issuer (iss) is not \(quoted(expected))"
        case .notAnAccessToken(let type): "the token is a \(quoted(type)) token (token_type), no access token"
        case .wrongAudience(let expected):
            "the audience (aud) does not include " + expected.map(quoted).joined(separator: " or ")
        }
    }

    /// Whether the token is genuine, and refused for what it says. Of several verifiers' refusals, this one tells most.
    package var isOfGenuineToken: Bool {
        switch self {
        case .tooLong, .notThreeParts, .encrypted, .algorithmMissing, .algorithmUnsupported, .criticalExtension,
            .unencodedPayload, .nested, .keyIDNotAString, .algorithmNotAllowed, .unknownKey, .wrongSignature:
            false
        case .badBase64URL(let part), .notAnObject(let part), .duplicateMember(let part, name: _): part == .payload
        case .notANumber, .expired, .notYetValid, .wrongIssuer, .wrongAudience, .notAnAccessToken: true
        }
    }
}

/// `2025-07-07 12:34:56 UTC`, rounded down.
private func utc(_ microseconds: Int64, otherwise: String) -> String {
    func digits(_ number: Int, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    let moment = CivilMoment(secondsSince1970: Int(microseconds).floored(by: 1_000_000).quotient)
    guard (1...9999).contains(moment.year) else { return otherwise }
    return "\(digits(moment.year, 4))-\(digits(moment.month, 2))-\(digits(moment.day, 2)) "
        + "\(digits(moment.hour, 2)):\(digits(moment.minute, 2)):\(digits(moment.second, 2)) UTC"
}
