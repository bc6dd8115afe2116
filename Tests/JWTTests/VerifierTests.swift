import JWT
import Testing

@Suite struct VerifierTests {
    private static let rsa = privateKey(PEMs.rsaPrivate)
    private static let p256 = privateKey(PEMs.p256Private)

    private static func key(for algorithm: Algorithm) -> Key {
        switch algorithm.kind {
        case .secret: secretKey()
        case .rsa: rsa
        case .p256: p256
        }
    }

    private func signed(
        _ algorithm: Algorithm, payload: String = #"{"sub":"a"}"#, kid: String? = nil
    ) throws(SigningError) -> String {
        try Self.key(for: algorithm).sign(claims: Array(payload.utf8), using: algorithm, keyID: kid)
    }

    // MARK: - Damage

    @Test("every prefix of a token, and every changed byte, is refused", arguments: Algorithm.allCases)
    func damage(_ algorithm: Algorithm) throws {
        let token = try signed(algorithm)
        let verifier = Verifier(keys: [secretKey(), Self.rsa, Self.p256])
        #expect(refusal(of: token, by: verifier) == nil)
        let bytes = Array(token.utf8)
        var accepted: [String] = []
        for count in bytes.indices {
            let prefix = String(decoding: bytes.prefix(count), as: UTF8.self)
            if refusal(of: prefix, by: verifier) == nil { accepted.append(prefix) }
            for change in [1, 2, 4, 8, 16, 32, 64, 128] as [UInt8] {
                var damaged = bytes
                damaged[count] ^= change
                let text = String(decoding: damaged, as: UTF8.self)
                if refusal(of: text, by: verifier) == nil { accepted.append(text) }
            }
        }
        #expect(accepted.isEmpty)
        for addition in ["A", "=", ".", "\n", " ", "AAAA"] {
            #expect(refusal(of: token + addition, by: verifier) != nil)
            #expect(refusal(of: addition + token, by: verifier) != nil)
        }
    }

    @Test("a signature cut short, empty or too long is wrong", arguments: Algorithm.allCases)
    func signatureLength(_ algorithm: Algorithm) throws {
        let token = try signed(algorithm)
        let message = token.prefix(upTo: try #require(token.lastIndex(of: ".")))
        let signature = try #require(Base64URL.decode(token.dropFirst(message.count + 1).utf8))
        let verifier = Verifier(keys: [Self.key(for: algorithm)])
        for other in [
            [], Array(signature.prefix(1)), signature.dropLast(), Array(signature.dropFirst()), signature + [0],
            [0] + signature, signature + signature, [UInt8](repeating: 0, count: signature.count),
            [UInt8](repeating: 0xFF, count: signature.count),
        ] as [[UInt8]] {
            #expect(refusal(of: message + "." + Base64URL.encode(other), by: verifier) == .wrongSignature)
        }
    }

    /// The order of P-256 (SEC 2, section 2.4.2).
    private static let order: [UInt8] = [
        0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6,
        0xFA,
        0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ]

    @Test("r and s of ES256 are at least 1 and below the order, and side by side")
    func edgesOfES256() throws {
        let parts = RFC.es256.split(separator: ".")
        let raw = try #require(Base64URL.decode(parts[2].utf8))
        let (r, s) = (Array(raw[..<32]), Array(raw[32...]))
        let zero = [UInt8](repeating: 0, count: 32)
        let one: [UInt8] = zero.dropLast() + [1]
        let verifier = Verifier(keys: try keySet(RFC.p256JWK).keys)
        let der: [UInt8] = [0x30, 0x45, 0x02, 0x20] + r + [0x02, 0x21, 0x00] + s
        let swapped: [UInt8] = s + r
        var wrong = [der, swapped, r, raw.dropLast(), raw + [0], zero + raw, [0] + raw, [0] + r + [0] + s]
        for (r, s) in [
            (zero, zero), (zero, s), (r, zero), (one, one), (Self.order, s), (r, Self.order), (Self.order, Self.order),
        ] {
            wrong.append(r + s)
        }
        for signature in wrong {
            let token = "\(parts[0]).\(parts[1]).\(Base64URL.encode(signature))"
            #expect(refusal(of: token, by: verifier, at: 0) == .wrongSignature)
        }
        #expect(refusal(of: RFC.es256, by: verifier, at: 0) == nil)
    }

    // MARK: - Algorithms

    @Test("no public key serves as a secret")
    func publicKeyAsSecret() throws {
        // What a forger has: the public key, in each text that a careless server would use as a secret.
        for pem in [PEMs.rsaPublic, PEMs.rsaPublicPKCS1, PEMs.rsaCertificate, PEMs.p256Public] {
            let verifier = Verifier(keys: [try Key(pem: Array(pem.utf8))])
            for algorithm in [Algorithm.hs256, .hs384, .hs512] {
                let token = try signed(algorithm)
                #expect(refusal(of: token, by: verifier) == .algorithmNotAllowed(algorithm))
            }
        }
    }

    @Test("an algorithm is used with keys of its kind only, in every direction", arguments: Algorithm.allCases)
    func confusion(_ algorithm: Algorithm) throws {
        let others = [secretKey(), Self.rsa, Self.p256].filter { $0.kind != algorithm.kind }
        let token = try signed(algorithm)
        #expect(refusal(of: token, by: Verifier(keys: others)) == .algorithmNotAllowed(algorithm))
        #expect(refusal(of: token, by: Verifier(keys: others + [Self.key(for: algorithm)])) == nil)
        for key in others {
            let isVerified = key.verifies([], of: [UInt8]().span, using: algorithm)
            #expect(!isVerified)
            #expect(throws: SigningError.unfitKey(algorithm)) { try key.sign(claims: [], using: algorithm) }
        }
        // The header says what it is not.
        for other in Algorithm.allCases where other != algorithm {
            let swapped = JWTTests.token(
                header: #"{"alg":"\#(other.rawValue)"}"#, key: Self.key(for: algorithm), algorithm: algorithm)
            #expect(refusal(of: swapped, by: Verifier(keys: [secretKey(), Self.rsa, Self.p256])) == .wrongSignature)
        }
    }

    @Test("only what the verifier allows is accepted")
    func allowedAlgorithms() throws {
        var verifier = Verifier(keys: [secretKey(), Self.rsa, Self.p256], algorithms: [.hs512, .es256])
        for algorithm in Algorithm.allCases {
            let expected: Refusal? =
                [.hs512, .es256].contains(algorithm) ? nil : .algorithmNotAllowed(algorithm)
            #expect(refusal(of: try signed(algorithm), by: verifier) == expected)
        }
        verifier.algorithms = []
        #expect(refusal(of: try signed(.hs512), by: verifier) == .algorithmNotAllowed(.hs512))
        verifier.keys = []
        verifier.algorithms = nil
        #expect(refusal(of: try signed(.hs512), by: verifier) == .algorithmNotAllowed(.hs512))
    }

    @Test("a key with an alg serves only that")
    func keyWithAlgorithm() throws {
        let verifier = Verifier(keys: [secretKey(algorithm: .hs384)])
        #expect(refusal(of: try signed(.hs384), by: verifier) == nil)
        #expect(refusal(of: try signed(.hs256), by: verifier) == .algorithmNotAllowed(.hs256))
        #expect(throws: SigningError.unfitKey(.hs256)) {
            try secretKey(algorithm: .hs384).sign(claims: Array("{}".utf8), using: .hs256)
        }
    }

    // MARK: - Choice of the key

    @Test("a kid chooses among keys; those without one are always tried")
    func keyIDs() throws {
        let right = secretKey(id: "a")
        let wrong = secretKey(otherSecret, id: "b")
        let both = Verifier(keys: [wrong, right])
        #expect(refusal(of: try signed(.hs256), by: both) == nil)
        #expect(refusal(of: try signed(.hs256, kid: "a"), by: both) == nil)
        #expect(refusal(of: try signed(.hs256, kid: "b"), by: both) == .wrongSignature)
        #expect(refusal(of: try signed(.hs256, kid: "c"), by: both) == .unknownKey(id: "c"))
        #expect(refusal(of: try signed(.hs256, kid: ""), by: both) == .unknownKey(id: ""))
        #expect(refusal(of: try signed(.hs256, kid: "c"), by: Verifier(keys: [wrong, secretKey()])) == nil)
        // One id for several keys, as after a careless rotation.
        let same = Verifier(keys: [secretKey(otherSecret, id: "a"), right])
        #expect(refusal(of: try signed(.hs256, kid: "a"), by: same) == nil)
        // The id of a key of another kind does not help.
        let mixed = Verifier(keys: [privateKey(PEMs.rsaPrivate, id: "r"), right])
        #expect(refusal(of: try signed(.hs256, kid: "r"), by: mixed) == .unknownKey(id: "r"))
    }

    @Test("keys are rotated by giving the verifier others")
    func rotation() throws {
        func set(_ jwk: String, _ kid: String) throws -> [Key] {
            try keySet(#"{"keys":[\#(jwk.dropLast()),"kid":"\#(kid)"}]}"#).keys
        }
        let token = try signed(.rs256, kid: "old")
        let before = Verifier(keys: try set(RFC.rsaJWK, "old"))
        var after = before
        after.keys = try set(RFC.p256JWK, "new") + set(RFC.rsaJWK, "other")
        #expect(refusal(of: token, by: before) == nil)
        #expect(refusal(of: token, by: after) == .unknownKey(id: "old"))
        #expect(refusal(of: try signed(.es256, kid: "new"), by: after) == nil)
        after.keys += before.keys
        #expect(refusal(of: token, by: after) == nil)
    }

    @Test("one verifier serves several threads at once")
    func threads() async throws {
        let verifier = Verifier(keys: [secretKey(), Self.rsa, Self.p256])
        let tokens = try Algorithm.allCases.map { try signed($0) }
        let refused = await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask { @concurrent in
                    (0..<50).count { round in
                        let token = tokens[(task + round) % tokens.count]
                        return refusal(of: token, by: verifier) != nil || refusal(of: token + "A", by: verifier) == nil
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(refused == 0)
    }
}
