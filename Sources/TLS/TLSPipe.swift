internal import CLibSSL

/// What all sessions of one thread read from and write to, in memory: what came from a peer on one side, what is to go
/// there on the other. Belongs to that thread; one session uses it at a time.
@safe package final class TLSPipe {
    /// What one read of a socket may bring.
    package static let largestRead = 65_536

    let bio: OpaquePointer
    /// Where sessions put what they decrypted: one read's worth, and the record that it completed.
    let plaintext: UnsafeMutableBufferPointer<UInt8>
    private var input: UnsafeBufferPointer<UInt8>?
    private var output: [UInt8] = []

    package init() {
        unsafe plaintext = .allocate(capacity: Self.largestRead + 17_408)
        let bio = unsafe BIO_new(Self.method)
        guard let bio = unsafe bio else { preconditionFailure("no memory") }
        unsafe self.bio = bio
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        unsafe BIO_set_init(bio, 1)
    }

    deinit {
        unsafe BIO_free(bio)
        unsafe plaintext.deallocate()
    }

    /// What is to go to the peer; empty afterwards. Give the array back, so that its memory serves the next one.
    package func takeOutput() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &output)
        return taken
    }

    /// Takes back an array of ``takeOutput()``.
    package func giveBack(_ array: consuming [UInt8]) {
        array.removeAll(keepingCapacity: array.capacity <= 2 * Self.largestRead)
        if output.isEmpty { output = array }
    }

    package var hasOutput: Bool { !output.isEmpty }

    /// Calls `body` with what a session decrypted just now; changing it is fine, keeping it is not.
    package func withPlaintext(_ count: Int, _ body: (inout MutableSpan<UInt8>) -> Void) {
        var bytes = unsafe MutableSpan(_unsafeElements: UnsafeMutableBufferPointer(rebasing: plaintext[..<count]))
        body(&bytes)
    }

    /// Calls `body` while `bytes` are there to be read.
    func withInput<Result>(_ bytes: Span<UInt8>, _ body: () -> Result) -> Result {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe input = bytes
            defer { unsafe input = nil }
            return body()
        }
    }

    /// Whether all of the input has been read.
    var isExhausted: Bool { unsafe input?.isEmpty ?? true }

    // MARK: - What OpenSSL calls

    private func read(into buffer: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        guard let available = unsafe input, let start = available.baseAddress else { return 0 }
        let count = min(count, available.count)
        unsafe buffer.update(from: start, count: count)
        unsafe input = UnsafeBufferPointer(rebasing: available[count...])
        return count
    }

    private static func of(_ bio: OpaquePointer?) -> TLSPipe {
        unsafe Unmanaged<TLSPipe>.fromOpaque(BIO_get_data(bio)).takeUnretainedValue()
    }

    // Made once, read by all threads, never freed.
    private nonisolated(unsafe) static let method: OpaquePointer? = {
        let method = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "switchboard")
        unsafe BIO_meth_set_read(method) { bio, buffer, count in
            unsafe switchboard_bio_clear_retry(bio)
            let read = unsafe buffer!.withMemoryRebound(to: UInt8.self, capacity: Int(count)) {
                unsafe TLSPipe.of(bio).read(into: $0, Int(count))
            }
            if read > 0 { return Int32(read) }
            unsafe switchboard_bio_retry_read(bio)
            return -1
        }
        unsafe BIO_meth_set_write(method) { bio, bytes, count in
            unsafe switchboard_bio_clear_retry(bio)
            let pipe = unsafe TLSPipe.of(bio)
            unsafe UnsafeRawPointer(bytes!).withMemoryRebound(to: UInt8.self, capacity: Int(count)) {
                unsafe pipe.output.append(contentsOf: UnsafeBufferPointer(start: $0, count: Int(count)))
            }
            return count
        }
        unsafe BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return unsafe method
    }()
}
