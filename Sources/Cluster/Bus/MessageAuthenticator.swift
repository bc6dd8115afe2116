internal import COpenSSL

/// Computes and checks the MAC of messages: HMAC-SHA-256 (RFC 2104), of which the first 16 bytes are sent, over the name
/// of a channel, a zero byte, and the message.
///
/// For one thread at a time.
@safe final class MessageAuthenticator {
    /// Bytes of a MAC.
    static let length = 16
    /// With the key set; each computation starts from there.
    private let context: OpaquePointer

    /// - Parameter key: 32 bytes.
    init(key: [UInt8]) {
        precondition(key.count == 32)
        guard let context = unsafe switchboard_hmac_sha256(key, key.count) else {
            preconditionFailure("OpenSSL has no HMAC with SHA-256")
        }
        unsafe self.context = context
    }

    deinit { unsafe EVP_MAC_CTX_free(context) }

    /// Writes the MAC of a message into the bytes before it.
    ///
    /// - Parameter bytes: ``length`` bytes, and the message.
    func seal(_ bytes: inout [UInt8], for channel: String) {
        let mac = mac(of: bytes, for: channel)
        for index in 0..<Self.length { bytes[index] = mac[index] }
    }

    /// Whether the MAC before a message is the one that it has; found in a time that does not tell where they differ.
    func isSealed(_ bytes: [UInt8], for channel: String) -> Bool {
        guard bytes.count >= Self.length else { return false }
        let mac = mac(of: bytes, for: channel)
        return (0..<Self.length).reduce(0) { $0 | (mac[$1] ^ bytes[$1]) } == 0
    }

    private func mac(of bytes: [UInt8], for channel: String) -> InlineArray<32, UInt8> {
        var mac = InlineArray<32, UInt8>(repeating: 0)
        var name = channel
        let isDone = name.withUTF8 { name in
            unsafe bytes.withUnsafeBufferPointer { bytes in
                var span = mac.mutableSpan
                return unsafe span.withUnsafeMutableBufferPointer { mac in
                    var zero: UInt8 = 0
                    var count = 0
                    return unsafe EVP_MAC_init(context, nil, 0, nil) == 1
                        && EVP_MAC_update(context, name.baseAddress, name.count) == 1
                        && EVP_MAC_update(context, &zero, 1) == 1
                        && EVP_MAC_update(context, bytes.baseAddress! + Self.length, bytes.count - Self.length) == 1
                        && EVP_MAC_final(context, mac.baseAddress, &count, mac.count) == 1
                }
            }
        }
        precondition(isDone, "OpenSSL computes no HMAC")
        return mac
    }
}
