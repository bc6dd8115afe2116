import COpenSSL

/// Proves to a client that the server speaks WebSocket (RFC 6455, section 4.2.2).
enum AcceptKey {
    private static let suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// OpenSSL's SHA-1. Finding it costs more than hashing, so that it is done once.
    // Set once, never freed, and read by any thread: an `EVP_MD` does not change.
    nonisolated(unsafe) private static let sha1: OpaquePointer = {
        guard let sha1 = unsafe EVP_MD_fetch(nil, "SHA1", nil) else { fatalError("OpenSSL offers no SHA-1") }
        return unsafe sha1
    }()

    /// The base64 of the SHA-1 of the key and a fixed suffix: 28 bytes of ASCII.
    static func answer(to key: String) -> [UInt8] {
        var input: [UInt8] = []
        input.reserveCapacity(64)
        input += key.utf8
        input += suffix.utf8
        var digest = InlineArray<20, UInt8>(repeating: 0)
        var digestSpan = digest.mutableSpan
        let result = unsafe digestSpan.withUnsafeMutableBufferPointer {
            unsafe EVP_Digest(input, input.count, $0.baseAddress, nil, sha1, nil)
        }
        if result != 1 { fatalError("OpenSSL can't compute a SHA-1") }
        // The text takes the place of the input, which was longer, by more than the zero that OpenSSL ends it with.
        let count = unsafe digest.span.withUnsafeBufferPointer {
            unsafe Int(EVP_EncodeBlock(&input, $0.baseAddress, Int32($0.count)))
        }
        input.removeLast(input.count - count)
        return input
    }
}
