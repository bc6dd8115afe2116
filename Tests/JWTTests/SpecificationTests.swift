import Testing

@testable import JWT

@Suite struct SpecificationTests {
    /// Just before they expire.
    private static let time: Int64 = 1_300_819_379_999_999

    @Test(
        "the examples of RFC 7515, appendix A (the first is that of RFC 7519, section 3.1)",
        arguments: [(RFC.hs256, RFC.secretJWK), (RFC.rs256, RFC.rsaJWK), (RFC.es256, RFC.p256JWK)])
    func signed(_ token: String, _ jwk: String) throws {
        let verifier = Verifier(keys: try keySet(jwk).keys)
        let claims = try verifier.verify(token, at: Self.time)
        #expect(claims["iss"] == .string("joe"))
        #expect(claims["exp"] == .integer(1_300_819_380))
        #expect(claims["http://example.com/is_root"] == .other)
        #expect(claims.expiresAt == 1_300_819_380_000_000)
        #expect(refusal(of: token, by: verifier, at: Self.time + 1) == .expired(since: 1_300_819_380_000_000))
    }

    @Test("the unsecured token of RFC 7519, section 6.1, is refused")
    func unsecured() throws {
        let keys = try [RFC.secretJWK, RFC.rsaJWK, RFC.p256JWK].flatMap { try keySet($0).keys }
        #expect(refusal(of: RFC.unsecured, by: Verifier(keys: keys), at: Self.time) == .algorithmUnsupported("none"))
    }

    @Test("ES512 is not supported", arguments: [RFC.es512, RFC.cookbookES512])
    func unsupported(_ token: String) {
        #expect(refusal(of: token) == .algorithmUnsupported("ES512"))
    }

    @Test(
        "the examples of RFC 7520, section 4: rightly signed, but prose",
        arguments: [(RFC.cookbookRS256, RFC.cookbookRSAJWK), (RFC.cookbookHS256, RFC.cookbookSecretJWK)])
    func cookbook(_ token: String, _ jwk: String) throws {
        let keys = try keySet(jwk).keys
        #expect(refusal(of: token, by: Verifier(keys: keys)) == .notAnObject(.payload))
        let other = try keySet(jwk.contains("RSA") ? RFC.rsaJWK : RFC.secretJWK).keys
        #expect(refusal(of: token, by: Verifier(keys: other)) == .wrongSignature)
    }

    @Test("the public keys of RFC 7517, appendix A.1: the one for encrypting is left out")
    func publicKeys() throws {
        let set = try keySet(RFC.publicKeys)
        #expect(set.keys.map(\.id) == ["2011-04-29"])
        #expect(set.keys.map(\.kind) == [.rsa])
        #expect(set.keys.map(\.algorithm) == [.rs256])
        #expect(set.skipped == [.init(index: 0, id: "1", reason: .forOtherUse)])
    }

    @Test("the secrets of RFC 7517, appendix A.3: the one for wrapping keys is left out")
    func symmetricKeys() throws {
        let set = try keySet(RFC.symmetricKeys)
        #expect(set.keys.map(\.id) == ["HMAC key used in JWS spec example"])
        #expect(set.skipped == [.init(index: 0, id: nil, reason: .unsupportedAlgorithm("A128KW"))])
        #expect(try Verifier(keys: set.keys).verify(RFC.hs256, at: Self.time)["iss"] == .string("joe"))
    }
}
