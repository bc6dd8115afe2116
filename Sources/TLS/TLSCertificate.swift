internal import CLibSSL

/// A certificate with the chain behind it and its private key, and the rules for handshakes that show it.
///
/// The rules are TLS 1.2 and 1.3, ephemeral elliptic curves, and ciphers with authentication (Mozilla's intermediate
/// list, without the finite-field suites, which cost a server the most and no client of the last ten years needs).
@safe package final class TLSCertificate: @unchecked Sendable {
    // Proof: the context is complete when `init` returns and nobody changes it from then on; its reference count is
    // atomic, and what OpenSSL keeps within it is behind locks of its own.
    let context: OpaquePointer

    private static let cipherList =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"
        + ":ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    private static let cipherSuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    private static let groups = "X25519:P-256:P-384"

    /// Reads the files, which are PEM: the server's own certificate and then those that lead to an authority; one
    /// private key, not encrypted.
    package init(certificate certificatePath: String, key keyPath: String) throws(TLSFileError) {
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else { preconditionFailure("no memory") }
        // Owned from here on, whatever is thrown.
        unsafe self.context = context
        defer { ERR_clear_error() }
        ERR_clear_error()
        let isHardened =
            unsafe switchboard_tls_harden(context) == 1
            && SSL_CTX_set_cipher_list(context, Self.cipherList) == 1
            && SSL_CTX_set_ciphersuites(context, Self.cipherSuites) == 1
            && switchboard_tls_set_groups(context, Self.groups) == 1
            // One connection comes back with one ticket.
            && SSL_CTX_set_num_tickets(context, 1) == 1
            && SSL_CTX_set_session_id_context(context, "switchboard", 11) == 1
        precondition(isHardened, "this OpenSSL lacks what TLS 1.2 and 1.3 need")
        unsafe SSL_CTX_set_alpn_select_cb(context, chooseHTTP11, nil)
        try useCertificates(certificatePath)
        try useKey(keyPath, certificatePath)
    }

    deinit { unsafe SSL_CTX_free(context) }

    /// Whether the certificate is for a host, by its alternative names, wildcards included.
    func serves(_ host: UnsafePointer<CChar>) -> Bool {
        defer { ERR_clear_error() }
        return unsafe X509_check_host(SSL_CTX_get0_certificate(context), host, 0, 0, nil) == 1
    }

    /// Whole days until it is no longer valid; negative when it is not any more.
    package var daysLeft: Int {
        var (days, seconds): (Int32, Int32) = (0, 0)
        guard unsafe ASN1_TIME_diff(&days, &seconds, nil, X509_get0_notAfter(SSL_CTX_get0_certificate(context))) == 1
        else { return 0 }
        return seconds < 0 ? Int(days) - 1 : Int(days)
    }

    // MARK: - Files

    private func useCertificates(_ path: String) throws(TLSFileError) {
        let file = try unsafe Self.open(path)
        defer { unsafe BIO_free(file) }
        guard let own = unsafe PEM_read_bio_X509_AUX(file, nil, refusePassword, nil) else {
            throw TLSFileError(path: path, reason: "no certificate in PEM")
        }
        defer { unsafe X509_free(own) }
        if unsafe SSL_CTX_use_certificate(context, own) != 1 {
            throw TLSFileError(path: path, reason: TLSError.fromQueue())
        }
        while let next = unsafe PEM_read_bio_X509(file, nil, refusePassword, nil) {
            // The context owns it from here on, if it takes it.
            if unsafe switchboard_tls_add_chain(context, next) != 1 {
                unsafe X509_free(next)
                throw TLSFileError(path: path, reason: TLSError.fromQueue())
            }
        }
        // Anything but the end of the file is a broken block.
        let error = ERR_peek_last_error()
        if switchboard_error_reason(error) != PEM_R_NO_START_LINE {
            throw TLSFileError(path: path, reason: TLSError.fromQueue())
        }
        ERR_clear_error()
    }

    private func useKey(_ path: String, _ certificatePath: String) throws(TLSFileError) {
        let file = try unsafe Self.open(path)
        defer { unsafe BIO_free(file) }
        guard let key = unsafe PEM_read_bio_PrivateKey(file, nil, refusePassword, nil) else {
            let reason = switchboard_error_reason(ERR_peek_last_error())
            let isEncrypted = [PEM_R_BAD_PASSWORD_READ, PEM_R_BAD_DECRYPT].contains(reason)
            throw TLSFileError(
                path: path,
                reason: isEncrypted
                    ? "the key is encrypted; take one without a passphrase, in a file that only the server may read"
                    : "no private key in PEM")
        }
        defer { unsafe EVP_PKEY_free(key) }
        if unsafe X509_check_private_key(SSL_CTX_get0_certificate(context), key) != 1 {
            throw TLSFileError(path: path, reason: "the key is not that of the certificate in \(certificatePath)")
        }
        if unsafe SSL_CTX_use_PrivateKey(context, key) != 1 {
            throw TLSFileError(path: path, reason: TLSError.fromQueue())
        }
    }

    private static func open(_ path: String) throws(TLSFileError) -> OpaquePointer {
        guard let file = unsafe BIO_new_file(path, "r") else {
            throw TLSFileError(path: path, reason: unsafe String(cString: switchboard_system_error()))
        }
        return unsafe file
    }
}

/// Nobody is there to type one in.
private let refusePassword:
    @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 =
        { _, _, _, _ in -1 }

/// HTTP/1.1 is all that is spoken (RFC 7301): who offers protocols without it is refused.
private let chooseHTTP11: SSL_CTX_alpn_select_cb_func = { _, chosen, chosenLength, offered, offeredLength, _ in
    let known: [UInt8] = [8] + Array("http/1.1".utf8)
    return unsafe known.withUnsafeBufferPointer { known in
        var found: UnsafeMutablePointer<UInt8>?
        let result = unsafe SSL_select_next_proto(
            &found, chosenLength, offered, offeredLength, known.baseAddress, UInt32(known.count))
        // Points into what the client offered, which outlives this call.
        unsafe chosen?.pointee = unsafe UnsafePointer(found)
        return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL
    }
}
