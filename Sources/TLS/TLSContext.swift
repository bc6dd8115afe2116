internal import CLibSSL

/// The certificates that new sessions choose from. A changed file makes a new context; sessions that began with the old
/// one keep it.
@safe package final class TLSContext: @unchecked Sendable {
    // Proof: complete when `init` returns; see ``TLSCertificate``.
    private let certificates: [TLSCertificate]
    /// The context of the first certificate, whose keys seal the tickets of all.
    var raw: OpaquePointer { unsafe certificates[0].context }

    /// - Parameter certificates: One at least. The first that serves the name that a client asks for (SNI) is shown, or
    ///   the first of all. Not to be used in another context.
    package init(_ certificates: [TLSCertificate]) {
        precondition(!certificates.isEmpty)
        self.certificates = certificates
        if certificates.count == 1 { return }
        // Each session holds this object for as long as it lives.
        unsafe switchboard_tls_on_server_name(
            raw,
            { session, _, data in
                guard let name = unsafe switchboard_tls_server_name(session) else { return SSL_TLSEXT_ERR_NOACK }
                let context = unsafe Unmanaged<TLSContext>.fromOpaque(data!).takeUnretainedValue()
                guard let certificate = context.certificates.first(where: { unsafe $0.serves(name) }) else {
                    return SSL_TLSEXT_ERR_NOACK
                }
                unsafe SSL_set_SSL_CTX(session, certificate.context)
                return SSL_TLSEXT_ERR_OK
            }, Unmanaged.passUnretained(self).toOpaque())
    }
}
