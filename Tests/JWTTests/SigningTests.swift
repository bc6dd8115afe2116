import JWT
import Testing

@Suite struct SigningTests {
    private static let keys: [Key] = {
        do {
            let secret = try KeySet(parsing: Array(RFC.secretJWK.utf8)).keys
            return secret + [privateKey(PEMs.rsaPrivate), privateKey(PEMs.p256Private)]
        } catch {
            preconditionFailure("\(error)")
        }
    }()

    private static func key(for algorithm: Algorithm) throws -> Key {
        try #require(keys.first { $0.serves(algorithm) })
    }

    @Test("what is signed is accepted", arguments: Algorithm.allCases)
    func roundTrip(_ algorithm: Algorithm) throws {
        let key = try Self.key(for: algorithm)
        for kid in [nil, "", "a key's \"id\""] {
            let token = try key.sign(claims: Array(#"{"sub":"alice"}"#.utf8), using: algorithm, keyID: kid)
            #expect(try Verifier(keys: [key]).verify(token, at: now)["sub"] == .string("alice"))
        }
    }

    @Test("the signatures of RFC 7515, appendices A.1 and A.2, are the only ones, and are made")
    func deterministic() throws {
        for (token, algorithm) in [(RFC.hs256, Algorithm.hs256), (RFC.rs256, .rs256)] {
            let message = token.prefix(upTo: try #require(token.lastIndex(of: ".")))
            let signature = try Self.key(for: algorithm).signature(of: Array(message.utf8).span, using: algorithm)
            #expect(message + "." + Base64URL.encode(signature) == token)
        }
    }

    @Test("ES256 gives 64 bytes, however small r and s turn out")
    func lengthOfES256() throws {
        let key = try Self.key(for: .es256)
        let verifier = Verifier(keys: [key])
        // One in 128 has an r or an s of fewer than 32 bytes.
        for _ in 0..<600 {
            let token = try key.sign(claims: Array("{}".utf8), using: .es256)
            let signature = token.suffix(from: token.index(after: try #require(token.lastIndex(of: "."))))
            #expect(signature.utf8.count == 86)
            #expect(refusal(of: String(token), by: verifier) == nil)
        }
    }

    @Test("the header names algorithm, type and key")
    func header() throws {
        let token = try secretKey().sign(claims: Array("{}".utf8), using: .hs256, keyID: "k")
        let header = try #require(Base64URL.decode(token.prefix { $0 != "." }.utf8))
        #expect(String(decoding: header, as: UTF8.self) == #"{"alg":"HS256","typ":"JWT","kid":"k"}"#)
    }

    @Test("a public key signs nothing")
    func publicKey() throws {
        let key = try Key(pem: Array(PEMs.rsaPublic.utf8))
        #expect(throws: SigningError.unfitKey(.rs256)) { try key.sign(claims: Array("{}".utf8), using: .rs256) }
    }

    @Test("a token that would be refused for its length is not made")
    func length() throws {
        let claims = Array(#"{"filler":"\#(String(repeating: "x", count: 6200))"}"#.utf8)
        do throws(SigningError) {
            _ = try secretKey().sign(claims: claims, using: .hs256)
            Issue.record("it was signed")
        } catch {
            guard case .tooLong(let bytes) = error else { throw error }
            #expect(bytes > Verifier.maximumLength)
        }
    }

    // MARK: - Another implementation

    @Test("what PyJWT signed is accepted, and expires when it says", arguments: Algorithm.allCases)
    func pyJWT(_ algorithm: Algorithm) throws {
        let token = try #require(PyJWT.tokens[algorithm])
        let verifier = Verifier(keys: Self.keys, issuer: "https://login.example", audiences: ["switchboard"])
        let end = PyJWT.expiresAt * 1_000_000
        for time in [PyJWT.issuedAt * 1_000_000, end - 1] {
            let claims = try verifier.verify(token, at: time)
            #expect(claims.first(of: ["user_id", "sub"]) == .integer(7))
            #expect(claims["sub"] == .string("alice"))
            #expect(claims["name"] == .string("Ålice"))
            #expect(claims.expiresAt == end)
        }
        #expect(refusal(of: token, by: verifier, at: end) == .expired(since: end))
        #expect(refusal(of: token, by: verifier, at: 0) == .notYetValid(until: PyJWT.issuedAt * 1_000_000))
    }
}
