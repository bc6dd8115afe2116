import JWT
import Testing

@Suite struct KeySetTests {
    private static let k = Base64URL.encode(secret)
    private static let n = #""n":"\#(member("n", of: RFC.rsaJWK))""#
    private static let x = #""x":"\#(member("x", of: RFC.p256JWK))""#
    private static let y = #""y":"\#(member("y", of: RFC.p256JWK))""#

    private static func member(_ name: String, of json: String) -> String {
        String(json.split(separator: "\"\(name)\":\"")[1].prefix { $0 != "\"" })
    }

    private func reason(_ jwk: String) -> KeyError? {
        let error = keyError { () throws(KeyError) in _ = try keySet(#"{"keys":[\#(jwk)]}"#) }
        guard case .noUsableKey(let skipped) = error else { return error }
        return skipped.first?.reason
    }

    @Test(
        "what is no set", arguments: ["", "[]", "{}", #"{"keys":{}}"#, #"{"keys":null}"#, "\"keys\"", PEMs.rsaPublic])
    func noSet(_ json: String) {
        #expect(keyError { () throws(KeyError) in _ = try keySet(json) } == .noKeySet)
    }

    @Test("an empty set has no usable key")
    func empty() {
        #expect(keyError { () throws(KeyError) in _ = try keySet(#"{"keys":[]}"#) } == .noUsableKey([]))
    }

    @Test(
        "keys that may verify",
        arguments: [
            #""kty":"oct","k":"\#(k)""#, #""kty":"oct","k":"\#(k)","use":"sig""#,
            #""kty":"oct","k":"\#(k)","alg":"HS512""#,
            #""kty":"oct","k":"\#(k)","key_ops":["sign","verify"]"#, #""kty":"oct","k":"\#(k)","x":1,"ext":true"#,
            #""kty":"RSA",\#(n),"e":"AQAB""#,
            #""kty":"RSA",\#(n),"e":"AQAB","key_ops":["verify"],"alg":"RS256","use":"sig""#,
            #""kty":"RSA",\#(n),"e":"Aw""#, #""kty":"RSA",\#(n),"e":"AAEAAQ""#,
            #""kty":"EC","crv":"P-256",\#(x),\#(y)"#,
            #""kty":"EC","crv":"P-256",\#(x),\#(y),"alg":"ES256","d":"not looked at""#,
        ])
    func usable(_ members: String) { #expect(reason("{\(members)}") == nil) }

    @Test(
        "keys that are left out, and why",
        arguments: [
            ("{}", .malformedMember("kty")), (#"{"kty":1}"#, .malformedMember("kty")), ("5", .noKeySet),
            (#""x""#, .noKeySet),
            (#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#, .unsupportedKind), (#"{"kty":"rsa"}"#, .unsupportedKind),
            (#"{"kty":"oct"}"#, .malformedMember("k")), (#"{"kty":"oct","k":5}"#, .malformedMember("k")),
            (#"{"kty":"oct","k":""}"#, .malformedMember("k")), (#"{"kty":"oct","k":"\#(k)="}"#, .malformedMember("k")),
            (#"{"kty":"oct","k":"AAAA"}"#, .shortSecret(bytes: 3)),
            (#"{"kty":"oct","k":"\#(k)","use":"enc"}"#, .forOtherUse),
            (#"{"kty":"oct","k":"\#(k)","use":"SIG"}"#, .forOtherUse),
            (#"{"kty":"oct","k":"\#(k)","use":null}"#, .malformedMember("use")),
            (#"{"kty":"oct","k":"\#(k)","key_ops":[]}"#, .forOtherUse),
            (#"{"kty":"oct","k":"\#(k)","key_ops":["sign"]}"#, .forOtherUse),
            (#"{"kty":"oct","k":"\#(k)","key_ops":"verify"}"#, .malformedMember("key_ops")),
            (#"{"kty":"oct","k":"\#(k)","key_ops":["verify",1]}"#, .malformedMember("key_ops")),
            (#"{"kty":"oct","k":"\#(k)","alg":"none"}"#, .unsupportedAlgorithm("none")),
            (#"{"kty":"oct","k":"\#(k)","alg":"RS256"}"#, .wrongKind(.rs256)),
            (#"{"kty":"oct","k":"\#(k)","alg":256}"#, .malformedMember("alg")),
            (#"{"kty":"oct","k":"\#(k)","kid":7}"#, .malformedMember("kid")),
            (#"{"kty":"RSA",\#(n)}"#, .malformedMember("e")), (#"{"kty":"RSA","e":"AQAB"}"#, .malformedMember("n")),
            (#"{"kty":"RSA",\#(n),"e":"AQAB","alg":"HS256"}"#, .wrongKind(.hs256)),
            (#"{"kty":"RSA",\#(n),"e":"AQAB","alg":"RS512"}"#, .unsupportedAlgorithm("RS512")),
            (#"{"kty":"RSA",\#(n),"e":"AQ"}"#, .unsound), (#"{"kty":"RSA",\#(n),"e":"AA"}"#, .unsound),
            (#"{"kty":"RSA",\#(n),"e":"BA"}"#, .unsound), (#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, .rsaBits(17)),
            (#"{"kty":"RSA","n":"\#(Base64URL.encode([UInt8](repeating: 0xFF, count: 4000)))","e":"AQAB"}"#, .unsound),
            (#"{"kty":"RSA","n":"\#(Base64URL.encode([UInt8](repeating: 0xFE, count: 256)))","e":"AQAB"}"#, .unsound),
            (#"{"kty":"EC",\#(x),\#(y)}"#, .malformedMember("crv")),
            (#"{"kty":"EC","crv":"P-384",\#(x),\#(y)}"#, .unsupportedKind),
            (#"{"kty":"EC","crv":"secp256k1",\#(x),\#(y)}"#, .unsupportedKind),
            (#"{"kty":"EC","crv":"P-256",\#(x)}"#, .malformedMember("y")),
            (#"{"kty":"EC","crv":"P-256",\#(x),"y":"AA"}"#, .malformedMember("y")),
            (
                #"{"kty":"EC","crv":"P-256",\#(x),"y":"\#(Base64URL.encode([UInt8](repeating: 1, count: 32)))"}"#,
                .unsound
            ),
            (#"{"kty":"EC","crv":"P-256",\#(x),\#(y),"alg":"RS256"}"#, .wrongKind(.rs256)),
        ] as [(String, KeyError)])
    func leftOut(_ jwk: String, _ expected: KeyError) { #expect(reason(jwk) == expected) }

    @Test("what is left out does not keep the others from being used")
    func mixture() throws {
        let set = try keySet(
            #"""
            {"keys":[{"kty":"OKP","kid":"a"},\#(RFC.rsaJWK),{"kty":"RSA","kid":"b"},\#(RFC.p256JWK),{"kty":"oct","k":"AA"}]}
            """#)
        #expect(set.keys.map(\.kind) == [.rsa, .p256])
        #expect(set.keys.allSatisfy { !$0.canSign && $0.id == nil && $0.algorithm == nil })
        #expect(set.skipped.map(\.index) == [0, 2, 4])
        #expect(set.skipped.map(\.id) == ["a", "b", nil])
        let verifier = Verifier(keys: set.keys)
        for token in [RFC.rs256, RFC.es256] { #expect(refusal(of: token, by: verifier, at: 0) == nil) }
    }

    @Test(
        "a secret may sign if key_ops lets it",
        arguments: [("", true), (#","key_ops":["verify"]"#, false), (#","key_ops":["verify","sign"]"#, true)])
    func signingSecret(_ member: String, _ canSign: Bool) throws {
        #expect(try keySet(#"{"kty":"oct","k":"\#(Self.k)"\#(member)}"#).keys.map(\.canSign) == [canSign])
    }
}
