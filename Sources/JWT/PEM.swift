import COpenSSL

/// The first key or certificate in a PEM text (RFC 7468).
struct PEM {
    let material: KeyMaterial
    let isPrivate: Bool

    /// - Parameter text: Other blocks and text around the blocks are passed over.
    init(_ text: [UInt8]) throws(KeyError) {
        guard let (label, start) = Self.firstKnownBlock(of: text) else { throw .noPEM }
        isPrivate = label.isPrivate
        guard label != .encrypted else { throw .encryptedPEM }
        guard let material = Self.read(label, from: text[start...]) else { throw .unreadablePEM }
        self.material = material
    }

    private enum Label: String {
        case certificate = "CERTIFICATE"
        case publicKey = "PUBLIC KEY"
        case rsaPublicKey = "RSA PUBLIC KEY"
        case privateKey = "PRIVATE KEY"
        case rsaPrivateKey = "RSA PRIVATE KEY"
        case ecPrivateKey = "EC PRIVATE KEY"
        case encrypted = "ENCRYPTED PRIVATE KEY"

        var isPrivate: Bool {
            switch self {
            case .certificate, .publicKey, .rsaPublicKey: false
            case .privateKey, .rsaPrivateKey, .ecPrivateKey, .encrypted: true
            }
        }
    }

    private static func firstKnownBlock(of text: [UInt8]) -> (Label, start: Int)? {
        for line in text.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            let words = String(decoding: line, as: UTF8.self)
            guard words.hasPrefix("-----BEGIN "), let end = words.lastIndex(where: { $0 != "-" && $0 != " " }) else {
                continue
            }
            if let label = Label(rawValue: String(words[...end].dropFirst("-----BEGIN ".count))) {
                return (label, line.startIndex)
            }
        }
        return nil
    }

    private static func read(_ label: Label, from text: ArraySlice<UInt8>) -> KeyMaterial? {
        defer { ERR_clear_error() }
        return unsafe text.withUnsafeBytes { text -> KeyMaterial? in
            guard let length = Int32(exactly: text.count), let bio = unsafe BIO_new_mem_buf(text.baseAddress, length)
            else { return nil }
            defer { unsafe BIO_free(bio) }
            let key: OpaquePointer?
            switch label {
            case .certificate:
                guard let certificate = unsafe PEM_read_bio_X509(bio, nil, noPassword, nil) else { return nil }
                defer { unsafe X509_free(certificate) }
                unsafe key = X509_get_pubkey(certificate)
            case .publicKey, .rsaPublicKey:
                unsafe key = PEM_read_bio_PUBKEY(bio, nil, noPassword, nil)
            case .privateKey, .rsaPrivateKey, .ecPrivateKey:
                unsafe key = PEM_read_bio_PrivateKey(bio, nil, noPassword, nil)
            case .encrypted:
                return nil
            }
            return unsafe key.map { unsafe KeyMaterial(adopting: $0) }
        }
    }
}

/// Without this OpenSSL would ask for a password on the terminal.
private func noPassword(
    _: UnsafeMutablePointer<CChar>?, _: CInt, _: CInt, _: UnsafeMutableRawPointer?
) -> CInt { -1 }
