import COpenSSL

/// What a token is verified or signed with.
///
/// The kind is fixed when a key is made, and an algorithm takes only keys of its own kind. So a public key never serves
/// as a secret, whatever the header of a token says.
package struct Key: Sendable {
    package enum Kind: Sendable {
        case secret
        case rsa
        case p256
    }

    /// Whatever the hash; RFC 7518, section 3.2, asks for as many bytes as the hash has.
    package static let minimumSecretLength = 32
    /// The upper end is OpenSSL's.
    package static let rsaBits = 2048...16384

    package let kind: Kind
    /// The `kid`: a token that names one is tried with keys of that id, and with those that have none.
    package let id: String?
    /// The only algorithm it serves; `nil` for all of its kind.
    package let algorithm: Algorithm?
    package let canSign: Bool
    private let material: KeyMaterial

    /// A secret for HMAC.
    ///
    /// - Parameter secret: Its bytes as they are, a line end at the end of a file included.
    package init(
        secret: [UInt8], id: String? = nil, algorithm: Algorithm? = nil, canSign: Bool = true
    ) throws(KeyError) {
        guard !Self.looksLikeKeyFile(secret) else { throw .secretIsKeyFile }
        guard secret.count >= Self.minimumSecretLength else { throw .shortSecret(bytes: secret.count) }
        guard let material = KeyMaterial(secret: secret) else { throw .unsound }
        try self.init(material, .secret, id: id, algorithm: algorithm, canSign: canSign)
    }

    /// A public key, a certificate, or a private key, which can also sign.
    ///
    /// - Parameter pem: Its first key or certificate counts. When a certificate is valid, and who signed it, is not
    ///   looked at: it is trusted because it was given here.
    package init(pem: [UInt8], id: String? = nil, algorithm: Algorithm? = nil) throws(KeyError) {
        let pem = try PEM(pem)
        try self.init(
            pem.material, pem.material.checkedKind(), id: id, algorithm: algorithm, canSign: pem.isPrivate)
    }

    init(
        _ material: KeyMaterial, _ kind: Kind, id: String?, algorithm: Algorithm?, canSign: Bool
    ) throws(KeyError) {
        if let algorithm, algorithm.kind != kind { throw .wrongKind(algorithm) }
        self.material = material
        self.kind = kind
        self.id = id
        self.algorithm = algorithm
        self.canSign = canSign
    }

    package func serves(_ algorithm: Algorithm) -> Bool {
        kind == algorithm.kind && (self.algorithm == nil || self.algorithm == algorithm)
    }

    /// PEM, a JWK, or an OpenSSH public key.
    private static func looksLikeKeyFile(_ secret: [UInt8]) -> Bool {
        let text = String(decoding: secret, as: UTF8.self)
        return text.contains("-----BEGIN ") || text.contains("\"kty\"") || text.hasPrefix("ssh-")
            || text.hasPrefix("ecdsa-sha2-")
    }
}

// MARK: - Signatures

extension Key {
    /// - Parameter signature: As a token has it, base64url undone.
    package func verifies(_ signature: [UInt8], of message: Span<UInt8>, using algorithm: Algorithm) -> Bool {
        guard serves(algorithm) else { return false }
        switch kind {
        case .secret:
            guard let expected = material.sign(message, digest: algorithm.digest) else { return false }
            guard expected.count == signature.count else { return false }
            return unsafe CRYPTO_memcmp(expected, signature, expected.count) == 0
        case .rsa:
            return material.verifies(signature, of: message, digest: algorithm.digest)
        case .p256:
            guard let signature = ECDSASignature.der(fromRaw: signature) else { return false }
            return material.verifies(signature, of: message, digest: algorithm.digest)
        }
    }

    /// - Returns: The signature as a token has it, before base64url.
    package func signature(of message: Span<UInt8>, using algorithm: Algorithm) throws(SigningError) -> [UInt8] {
        guard canSign, serves(algorithm) else { throw .unfitKey(algorithm) }
        guard let signature = material.sign(message, digest: algorithm.digest) else { throw .failed }
        switch kind {
        case .secret, .rsa:
            return signature
        case .p256:
            guard let raw = ECDSASignature.raw(fromDER: signature) else { throw .failed }
            return raw
        }
    }
}
