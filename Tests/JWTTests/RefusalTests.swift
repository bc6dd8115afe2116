import JWT
import Testing

@Suite struct RefusalTests {
    @Test(
        "a token has three parts",
        arguments: [("", 1), ("abc", 1), ("a.b", 2), (".", 2), ("a.b.c.d", 4), ("a.b.c.d.e.f", 6)])
    func parts(_ token: String, _ count: Int) {
        #expect(refusal(of: token) == .notThreeParts(count))
    }

    @Test("five parts are an encrypted token")
    func encrypted() { #expect(refusal(of: "e30.a.b.c.d") == .encrypted) }

    @Test("8192 bytes are the limit")
    func length() {
        let short = token(payload: #"{"filler":""}"#)
        let rest = Verifier.maximumLength - short.utf8.count
        // Four letters stand for three bytes.
        let filled = String(repeating: "x", count: rest / 4 * 3)
        let longest = token(payload: #"{"filler":"\#(filled)"}"#)
        #expect((8189...8192).contains(longest.utf8.count))
        #expect(refusal(of: longest) == nil)
        #expect(refusal(of: token(payload: #"{"filler":"\#(filled)xxxx"}"#)).map { "\($0)".contains("8192") } == true)
        #expect(refusal(of: String(repeating: ".", count: 8193)) == .tooLong(bytes: 8193))
        #expect(refusal(of: String(repeating: ".", count: 8192)) == .notThreeParts(8193))
    }

    @Test("each part is base64url, the signature before the payload")
    func base64() {
        let parts = token().split(separator: ".").map(String.init)
        for damage in ["=", "A", "+", "/", " ", "\n", "\u{0}", "é"] {
            // One letter more is one too many, whatever the length; the payload's is found by the signature.
            #expect(refusal(of: [parts[0] + damage, parts[1], parts[2]].joined(separator: ".")) != nil)
            #expect(refusal(of: [parts[0], parts[1] + damage, parts[2]].joined(separator: ".")) == .wrongSignature)
            #expect(refusal(of: [parts[0], parts[1], parts[2] + damage].joined(separator: ".")) != nil)
        }
        #expect(refusal(of: ["e3=", parts[1], parts[2]].joined(separator: ".")) == .badBase64URL(.header))
        #expect(refusal(of: [parts[0], parts[1], parts[2] + "="].joined(separator: ".")) == .badBase64URL(.signature))
        let signed = parts[0] + ".e30="
        let signature = try? secretKey().signature(of: Array(signed.utf8).span, using: .hs256)
        #expect(refusal(of: signed + "." + Base64URL.encode(signature ?? [])) == .badBase64URL(.payload))
    }

    @Test(
        "header and payload are JSON objects",
        arguments: ["", "[]", "\"a\"", "null", "1", "{", "{}x", "{\"a\":1,}", "\u{FEFF}{}"])
    func objects(_ json: String) {
        #expect(refusal(of: token(header: json)) == .notAnObject(.header))
        #expect(refusal(of: token(payload: json)) == .notAnObject(.payload))
    }

    @Test("a member twice is refused, however it is escaped")
    func duplicates() {
        #expect(refusal(of: token(header: #"{"alg":"HS256","alg":"HS256"}"#)) == .duplicateMember(.header, name: "alg"))
        #expect(
            refusal(of: token(header: #"{"alg":"none","a\u006cg":"HS256"}"#)) == .duplicateMember(.header, name: "alg"))
        #expect(refusal(of: token(payload: #"{"sub":"a","sub":"b"}"#)) == .duplicateMember(.payload, name: "sub"))
        #expect(
            refusal(of: token(payload: #"{"exp":1,"x":{"exp":1},"e\u0078p":99999999999}"#))
                == .duplicateMember(.payload, name: "exp"))
    }

    @Test(
        "a header without a usable alg",
        arguments: ["{}", #"{"alg":null}"#, #"{"alg":1}"#, #"{"alg":["HS256"]}"#, #"{"ALG":"HS256"}"#])
    func algorithmMissing(_ header: String) {
        #expect(refusal(of: token(header: header)) == .algorithmMissing)
    }

    @Test(
        "other algorithms are refused by name, however they are spelled",
        arguments: [
            "none", "None", "NONE", "nOnE", "", " HS256", "HS256 ", "hs256", "Hs256", "HS256\\u0000", "HS1", "RS384",
            "RS512", "PS256",
            "ES384", "ES512", "ES256K", "EdDSA", "dir", "RSA-OAEP", "ＨＳ256",
        ])
    func algorithmUnsupported(_ name: String) {
        let header = #"{"alg":"\#(name)"}"#
        let spelled = name.replacing("\\u0000", with: "\0")
        #expect(refusal(of: token(header: header)) == .algorithmUnsupported(spelled))
        // Nor without a signature.
        let unsigned = Base64URL.encode(Array(header.utf8)) + ".e30."
        #expect(refusal(of: unsigned) == .algorithmUnsupported(spelled))
    }

    @Test(
        "what a header must not have",
        arguments: [
            (#""crit":["exp"]"#, .criticalExtension), (#""crit":[]"#, .criticalExtension),
            (#""crit":null"#, .criticalExtension), (#""crit":["b64"],"b64":false"#, .criticalExtension),
            (#""b64":false"#, .unencodedPayload), (#""b64":true"#, .unencodedPayload), (#""cty":"JWT""#, .nested),
            (#""cty":"jwt""#, .nested), (#""kid":1"#, .keyIDNotAString), (#""kid":null"#, .keyIDNotAString),
        ] as [(String, Refusal)])
    func header(_ member: String, _ expected: Refusal) {
        #expect(refusal(of: token(header: #"{"alg":"HS256",\#(member)}"#)) == expected)
    }

    @Test("what else a header has is passed over")
    func unknownHeaderMembers() {
        let header = #"{"typ":"at+jwt","alg":"HS256","cty":"json","x":{"alg":"none"},"jku":"https://evil.example"}"#
        #expect(refusal(of: token(header: header)) == nil)
    }

    @Test("a key in the header is not trusted")
    func embeddedKey() {
        let evil = secretKey(otherSecret)
        let header = #"{"alg":"HS256","jwk":{"kty":"oct","k":"\#(Base64URL.encode(otherSecret))"}}"#
        #expect(refusal(of: token(header: header, key: evil)) == .wrongSignature)
    }

    @Test("the signature is looked at before what the token says")
    func order() {
        for payload in ["", "[]", #"{"exp":1}"#, #"{"exp":"x"}"#, #"{"iss":"x","iss":"y"}"#] {
            #expect(refusal(of: token(payload: payload, key: secretKey(otherSecret))) == .wrongSignature)
        }
    }

    @Test("what a refusal says is one short line, with nothing of the token but names in its header")
    func descriptions() {
        let evil = "\u{1B}[31m\n" + String(repeating: "x", count: 5000)
        let refusals: [Refusal] = [
            .tooLong(bytes: 9000), .notThreeParts(1), .encrypted, .badBase64URL(.header), .notAnObject(.payload),
            .duplicateMember(.payload, name: evil), .algorithmMissing, .algorithmUnsupported(evil),
            .algorithmUnsupported("none"), .criticalExtension, .unencodedPayload, .nested, .keyIDNotAString,
            .algorithmNotAllowed(.rs256), .unknownKey(id: evil), .wrongSignature, .notANumber(.notBefore),
            .expired(since: now), .expired(since: .min), .notYetValid(until: .max), .wrongIssuer(expected: "us"),
            .wrongAudience(expected: ["us", "them"]),
        ]
        #expect(Set(refusals.map(\.description)).count == refusals.count)
        for refusal in refusals {
            let text = refusal.description
            #expect(text.count <= 160 && !text.unicodeScalars.contains { $0.value < 32 }, "\(refusal)")
        }
        #expect(Refusal.expired(since: now).description == "the token has expired (2023-11-14 22:13:20 UTC)")
        #expect(Refusal.expired(since: -1).description.contains("1969-12-31 23:59:59"))
        #expect(Refusal.expired(since: 951_782_400_000_000).description.contains("2000-02-29 00:00:00"))
        #expect(Refusal.notYetValid(until: 4_107_542_400_000_000).description.contains("2100-03-01 00:00:00"))
        #expect(Refusal.algorithmUnsupported("none").description.contains("not signed"))
    }
}
