import COpenSSL

/// A key as OpenSSL holds it, a secret included: it wipes the bytes when it lets go of them.
@safe final class KeyMaterial: @unchecked Sendable {
    // Proof: an EVP_PKEY is complete when it gets here and nobody can change it from here; each use has a context of
    // its own. What OpenSSL caches within a key is behind the key's lock, and its reference count is atomic.
    private let key: OpaquePointer

    /// - Parameter key: A whole `EVP_PKEY` with no other owner.
    @unsafe init(adopting key: OpaquePointer) { unsafe self.key = key }

    /// A secret for HMAC.
    init?(secret: [UInt8]) {
        defer { ERR_clear_error() }
        guard let key = unsafe EVP_PKEY_new_raw_private_key_ex(nil, "HMAC", nil, secret, secret.count) else {
            return nil
        }
        unsafe self.key = key
    }

    deinit { unsafe EVP_PKEY_free(key) }

    /// - Parameter digest: OpenSSL's name of the hash.
    /// - Returns: The HMAC for a secret, PKCS #1 version 1.5 for RSA, DER for a curve; `nil` if the key can't sign.
    func sign(_ message: Span<UInt8>, digest: String) -> [UInt8]? {
        unsafe withContext { context in
            guard unsafe EVP_DigestSignInit_ex(context, nil, digest, nil, nil, key, nil) == 1 else { return nil }
            return unsafe message.withUnsafeBufferPointer { message in
                var length = 0
                guard unsafe EVP_DigestSign(context, nil, &length, message.baseAddress, message.count) == 1 else {
                    return nil
                }
                var signature = [UInt8](repeating: 0, count: length)
                guard unsafe EVP_DigestSign(context, &signature, &length, message.baseAddress, message.count) == 1
                else { return nil }
                // What DER may need at most is more than it needs.
                signature.removeLast(signature.count - length)
                return signature
            }
        } ?? nil
    }

    /// - Parameter signature: In the form that ``sign(_:digest:)`` gives.
    func verifies(_ signature: [UInt8], of message: Span<UInt8>, digest: String) -> Bool {
        unsafe withContext { context in
            guard unsafe EVP_DigestVerifyInit_ex(context, nil, digest, nil, nil, key, nil) == 1 else { return false }
            return unsafe message.withUnsafeBufferPointer { message in
                unsafe EVP_DigestVerify(context, signature, signature.count, message.baseAddress, message.count) == 1
            }
        } ?? false
    }

    private func withContext<Result>(_ body: (OpaquePointer) -> Result) -> Result? {
        guard let context = unsafe EVP_MD_CTX_new() else { return nil }
        defer {
            unsafe EVP_MD_CTX_free(context)
            // A wrong signature must not look like somebody else's error later on.
            ERR_clear_error()
        }
        return unsafe body(context)
    }
}

// MARK: - What kind of key it is

extension KeyMaterial {
    /// The kind of a public or private key that came from outside, once it is known to be sound.
    func checkedKind() throws(KeyError) -> Key.Kind {
        defer { ERR_clear_error() }
        let kind: Key.Kind
        if unsafe EVP_PKEY_is_a(key, "RSA") == 1 {
            let bits = unsafe Int(EVP_PKEY_get_bits(key))
            guard Key.rsaBits.contains(bits) else { throw .rsaBits(bits) }
            kind = .rsa
        } else if unsafe EVP_PKEY_is_a(key, "EC") == 1, curve == "prime256v1" {
            kind = .p256
        } else {
            throw .unsupportedKind
        }
        guard isSound else { throw .unsound }
        return kind
    }

    private var curve: String? {
        var name = [CChar](repeating: 0, count: 64)
        var length = 0
        guard unsafe EVP_PKEY_get_group_name(key, &name, name.count, &length) == 1 else { return nil }
        return String(decoding: name.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// An exponent of 1, say, would make any number a signature; a point beside the curve, leak or break.
    private var isSound: Bool {
        guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else { return false }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        return unsafe EVP_PKEY_public_check(context) == 1
    }
}

// MARK: - Public keys from their numbers

extension KeyMaterial {
    /// - Parameters:
    ///   - modulus: Big-endian.
    ///   - exponent: Big-endian.
    static func rsa(modulus: [UInt8], exponent: [UInt8]) -> KeyMaterial? {
        // Numbers beyond these are refused before OpenSSL calculates with them.
        guard modulus.count <= Key.rsaBits.upperBound / 8, exponent.count <= modulus.count else { return nil }
        return unsafe publicKey(ofType: "RSA") { builder in
            guard let modulus = unsafe BN_bin2bn(modulus, Int32(modulus.count), nil) else { return nil }
            defer { unsafe BN_free(modulus) }
            guard let exponent = unsafe BN_bin2bn(exponent, Int32(exponent.count), nil) else { return nil }
            defer { unsafe BN_free(exponent) }
            guard unsafe switchboard_push_rsa(builder, modulus, exponent) == 1 else { return nil }
            return unsafe OSSL_PARAM_BLD_to_param(builder)
        }
    }

    /// - Parameter x, y: 32 bytes each, big-endian.
    static func p256(x: [UInt8], y: [UInt8]) -> KeyMaterial? {
        let point = [UInt8(POINT_CONVERSION_UNCOMPRESSED.rawValue)] + x + y
        return unsafe publicKey(ofType: "EC") { builder in
            unsafe point.withUnsafeBufferPointer { point in
                guard unsafe switchboard_push_p256(builder, point.baseAddress, point.count) == 1 else { return nil }
                return unsafe OSSL_PARAM_BLD_to_param(builder)
            }
        }
    }

    private static func publicKey(
        ofType type: String, parameters: (OpaquePointer) -> UnsafeMutablePointer<OSSL_PARAM>?
    ) -> KeyMaterial? {
        defer { ERR_clear_error() }
        guard let builder = unsafe OSSL_PARAM_BLD_new() else { return nil }
        defer { unsafe OSSL_PARAM_BLD_free(builder) }
        guard let parameters = unsafe parameters(builder) else { return nil }
        defer { unsafe OSSL_PARAM_free(parameters) }
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, type, nil) else { return nil }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard unsafe EVP_PKEY_fromdata_init(context) == 1,
            unsafe EVP_PKEY_fromdata(context, &key, switchboard_public_key_selection(), parameters) == 1
        else { return nil }
        return unsafe key.map { unsafe KeyMaterial(adopting: $0) }
    }
}
