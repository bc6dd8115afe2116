import TLS

/// What a stream knows of its TLS, beside the session itself.
final class SecureLayer {
    let session: TLSSession
    /// Sent in the clear to a client that speaks plain HTTP.
    let refusal: [UInt8]
    /// How much of the first frame in the queue has been encrypted.
    var offset = 0
    /// What the session answered by itself while the kernel took no more. It goes first.
    var answers: [UInt8] = []
    /// Whether the session failed: what still comes is of no interest.
    var isDeaf = false
    var failure: TLSError?

    /// Whoever makes the session answer again and again and reads nothing of it is left.
    static let answerLimit = 65_536

    init(_ session: TLSSession, refusal: [UInt8]) {
        self.session = session
        self.refusal = refusal
    }
}
