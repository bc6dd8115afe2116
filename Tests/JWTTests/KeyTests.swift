import Testing

@testable import JWT

@Suite struct KeyTests {
    private func key(_ pem: String, algorithm: Algorithm? = nil) throws(KeyError) -> Key {
        try Key(pem: Array(pem.utf8), algorithm: algorithm)
    }

    // MARK: - Secrets

    @Test("a secret has 32 bytes or more", arguments: [0, 1, 31, 32, 33, 1000])
    func secretLength(_ count: Int) {
        let error = keyError { () throws(KeyError) in _ = try Key(secret: [UInt8](repeating: 0x80, count: count)) }
        #expect(error == (count < 32 ? .shortSecret(bytes: count) : nil))
    }

    @Test(
        "the text of a key file is no secret",
        arguments: [
            PEMs.rsaPublic, PEMs.p256Public, PEMs.rsaCertificate, "# a comment\n" + PEMs.rsaPublic, RFC.publicKeys,
            RFC.rsaJWK,
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQDIabcdefgh", "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY",
        ])
    func keyFileAsSecret(_ text: String) {
        #expect(keyError { () throws(KeyError) in _ = try Key(secret: Array(text.utf8)) } == .secretIsKeyFile)
        let jwk = #"{"kty":"oct","k":"\#(Base64URL.encode(Array(text.utf8)))"}"#
        #expect(
            keyError { () throws(KeyError) in _ = try keySet(jwk) }
                == .noUsableKey([.init(index: 0, id: nil, reason: .secretIsKeyFile)]))
    }

    @Test("a secret is nowhere in what a key prints")
    func printing() {
        var text = ""
        dump(secretKey(), to: &text)
        #expect(!text.contains("thirty") && !text.contains("\(secret[0]), \(secret[1])"))
    }

    // MARK: - PEM

    @Test(
        "the forms of a key",
        arguments: [
            (PEMs.rsaPublic, RFC.rs256, false), (PEMs.rsaPublicPKCS1, RFC.rs256, false),
            (PEMs.rsaCertificate, RFC.rs256, false),
            (PEMs.rsaPrivate, RFC.rs256, true), (PEMs.rsaPrivatePKCS1, RFC.rs256, true),
            (PEMs.p256Public, RFC.es256, false), (PEMs.p256Certificate, RFC.es256, false),
            (PEMs.p256Private, RFC.es256, true),
            (PEMs.p256PrivateSEC1, RFC.es256, true),
        ])
    func forms(_ pem: String, _ token: String, _ canSign: Bool) throws {
        for text in [
            pem, "words before\n" + pem + "\nand after", pem.replacing("\n", with: "\r\n"),
            pem + "\n" + PEMs.ed25519,
        ] {
            let key = try key(text)
            #expect(key.canSign == canSign)
            #expect(try Verifier(keys: [key]).verify(token, at: 0)["iss"] == .string("joe"))
        }
    }

    @Test(
        "keys that are not taken",
        arguments: [
            (PEMs.rsa1024, .rsaBits(1024)), (PEMs.p384, .unsupportedKind), (PEMs.ed25519, .unsupportedKind),
            (PEMs.rsaPSS, .unsupportedKind), (PEMs.otherGenerator, .unsupportedKind),
            (PEMs.encrypted, .encryptedPEM), (PEMs.encryptedOld, .unreadablePEM), ("", .noPEM), ("a secret", .noPEM),
            ("-----BEGIN PUBLIC KEY-----", .unreadablePEM),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", .unreadablePEM),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", .unreadablePEM),
            ("-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----", .unreadablePEM),
            ("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----", .noPEM),
        ] as [(String, KeyError)])
    func refusedPEM(_ pem: String, _ expected: KeyError) {
        #expect(keyError { () throws(KeyError) in _ = try key(pem) } == expected)
    }

    @Test("every prefix of a PEM key, and many a change, is refused without a trap")
    func damagedPEM() {
        let pem = Array(PEMs.p256Private.utf8)
        // The last line needs no end.
        for count in 0..<(pem.count - 2) { #expect(throws: KeyError.self) { try Key(pem: Array(pem.prefix(count))) } }
        for place in pem.indices {
            var damaged = pem
            damaged[place] ^= 1
            _ = try? Key(pem: damaged)
        }
    }

    @Test("an algorithm of another kind can't be declared")
    func wrongKind() {
        #expect(
            keyError { () throws(KeyError) in _ = try key(PEMs.rsaPublic, algorithm: .hs256) } == .wrongKind(.hs256))
        #expect(
            keyError { () throws(KeyError) in _ = try key(PEMs.rsaPublic, algorithm: .es256) } == .wrongKind(.es256))
        #expect(
            keyError { () throws(KeyError) in _ = try key(PEMs.p256Public, algorithm: .rs256) } == .wrongKind(.rs256))
        let error = keyError { () throws(KeyError) in _ = try Key(secret: secret, algorithm: .rs256) }
        #expect(error == .wrongKind(.rs256))
    }
}
