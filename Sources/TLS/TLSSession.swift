internal import CLibSSL

/// The server's side of TLS on one connection, in memory: bytes of the peer become plaintext, plaintext becomes bytes for
/// the peer. Belongs to one thread at a time, which its ``TLSPipe`` belongs to.
@safe package final class TLSSession {
    private let session: OpaquePointer
    private let context: TLSContext
    private var pipe: TLSPipe
    private var handshakeBytes = 0

    /// Whether the handshake is over, so that plaintext may be sent.
    package private(set) var isEstablished = false
    /// Whether the peer said that it will send no more.
    package private(set) var hasEnded = false
    private var hasSaidEnd = false

    /// What a client may send before the handshake is over. A hello has up to 2 KB.
    private static let longestHandshake = 32_768

    package init(_ context: TLSContext, through pipe: TLSPipe) {
        guard let session = unsafe SSL_new(context.raw) else { preconditionFailure("no memory") }
        unsafe self.session = session
        self.context = context
        self.pipe = pipe
        unsafe SSL_set_accept_state(session)
        unsafe switchboard_tls_attach(session, pipe.bio)
    }

    deinit { unsafe SSL_free(session) }

    /// Goes on with the pipe of another thread.
    package func move(to pipe: TLSPipe) {
        self.pipe = pipe
        unsafe switchboard_tls_attach(session, pipe.bio)
    }

    /// Takes what the peer sent, at most ``TLSPipe/largestRead`` bytes. What is to be answered without the caller's
    /// doing, as in a handshake, is in the pipe afterwards; so is the alert where it failed.
    ///
    /// - Returns: How much plaintext there is in the pipe, and why the session is over behind that, if it is.
    package func receive(_ bytes: Span<UInt8>) -> (plaintext: Int, failure: TLSError?) {
        if !isEstablished {
            // A record's first byte says what it holds, and no kind is a capital letter, as all methods of HTTP are.
            if handshakeBytes == 0, !bytes.isEmpty, (0x41...0x5A).contains(bytes[0]) { return (0, .plainHTTP) }
            handshakeBytes += bytes.count
        }
        let (count, failure) = pipe.withInput(bytes) { read() }
        let isTooLong = !isEstablished && handshakeBytes > Self.longestHandshake
        return (count, failure ?? (isTooLong ? .handshakeTooLong : nil))
    }

    /// Reads until nothing whole is left.
    private func read() -> (count: Int, failure: TLSError?) {
        var total = 0
        defer { isEstablished = unsafe isEstablished || SSL_is_init_finished(session) == 1 }
        while !hasEnded {
            let room = unsafe UnsafeMutableBufferPointer(rebasing: pipe.plaintext[total...])
            precondition(room.count > 0, "a read was longer than announced")
            ERR_clear_error()
            let count = unsafe SSL_read(session, room.baseAddress, Int32(room.count))
            if count > 0 {
                total += Int(count)
                // Asking once more would only have it make a buffer for nothing.
                if pipe.isExhausted, unsafe SSL_pending(session) == 0 { return (total, nil) }
                continue
            }
            switch unsafe SSL_get_error(session, count) {
            case SSL_ERROR_WANT_READ: return (total, nil)
            case SSL_ERROR_ZERO_RETURN: hasEnded = true
            default:
                defer { ERR_clear_error() }
                return (total, .failed(TLSError.fromQueue()))
            }
        }
        return (total, nil)
    }

    /// Encrypts at most ``TLSPipe/largestRead`` bytes into the pipe, in records as long as may be.
    ///
    /// - Returns: Whether that was possible.
    package func send(_ bytes: Span<UInt8>) -> Bool {
        guard isEstablished else { return false }
        ERR_clear_error()
        return unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe SSL_write(session, bytes.baseAddress, Int32(bytes.count)) == bytes.count
        }
    }

    /// Puts into the pipe, once, that no more will come.
    package func sendEnd() {
        guard isEstablished, !hasSaidEnd else { return }
        hasSaidEnd = true
        ERR_clear_error()
        unsafe SSL_shutdown(session)
        ERR_clear_error()
    }
}
