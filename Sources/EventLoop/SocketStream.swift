internal import CLibuv
package import TLS

/// What a stream tells its owner, always on the stream's loop.
package protocol SocketStreamDelegate: AnyObject {
    /// Bytes came. The span is the loop's own buffer: changing it is fine, keeping it is not.
    func received(_ bytes: inout MutableSpan<UInt8>)
    /// The peer will send no more; it may still read.
    func receivedEnd()
    /// The kernel takes no more, and what waits is beyond ``SocketStream/limitQueue(to:)``. At the end of a turn.
    func overflowed()
    /// Nothing waits to be written any more, for the first time since ``SocketStream/tellWhenDrained()``.
    func drained()
    /// The connection is gone, for whatever reason, ``SocketStream/close()`` included. The last call.
    func closed()
}

/// A connected TCP or local socket.
///
/// Writing gathers: what is sent during a turn of the loop leaves at its end, in one call of the kernel if it can.
/// One frame alone is written where it lies, shared with all its other receivers; several small ones are put
/// together first, which is cheaper than to have the kernel collect them.
package final class SocketStream: Handle {
    package enum Kind: Sendable {
        case tcp, local

        var handleSize: Int {
            switch self {
            case .tcp: unsafe MemoryLayout<uv_tcp_t>.size
            case .local: unsafe MemoryLayout<uv_pipe_t>.size
            }
        }

        /// - Parameter handle: Memory of ``handleSize``.
        func initialize(_ handle: UnsafeMutableRawPointer, on loop: EventLoop) {
            switch self {
            case .tcp: unsafe uv_tcp_init(loop.raw, handle.assumingMemoryBound(to: uv_tcp_t.self))
            case .local: unsafe uv_pipe_init(loop.raw, handle.assumingMemoryBound(to: uv_pipe_t.self), 0)
            }
        }
    }

    let kind: Kind
    // Private, so that accesses are not checked at run time; see ``Handle``. In an order that leaves no gaps.
    /// -1 until it was asked for.
    private var descriptor: Int32 = -1
    private var owner: (any SocketStreamDelegate)?
    private var queued = 0 { didSet { loop.bytesWaiting += queued - oldValue } }
    private var queueLimit = Int.max
    private var first: [UInt8]?
    // Unchecked: frames are bytes, which have no code that is run when they go.
    @safe @exclusivity(unchecked) private var rest: [[UInt8]] = []
    private var blockedBytes = 0
    /// Whether there is a rest.
    private var hasMore = false
    private var tellsWhenDrained = false
    private var isMarked = false
    private var isBlocked = false
    private var isFinishing = false
    private var isReading = false
    private var hasEnded = false
    /// Whether something was read that the owner has not looked at yet.
    var hasInput = false
    private var secure: SecureLayer?

    /// The number of its descriptor, once it is connected. The lowest that is free is given out, so that as many are taken
    /// at least.
    package var descriptorNumber: Int {
        _ = findDescriptor()
        return Int(descriptor)
    }
    package var delegate: (any SocketStreamDelegate)? {
        get { owner }
        set { owner = newValue }
    }
    /// What was sent and the kernel has not taken yet: its bytes, and what keeping each frame costs.
    package var queuedBytes: Int { queued }
    /// The same less what the kernel has taken of the piece under way by now.
    package var unsentBytes: Int {
        guard isBlocked, !isClosed else { return queuedBytes }
        return unsafe queuedBytes - blockedBytes + uv_stream_get_write_queue_size(handle)
    }
    /// Whether the peer is behind with reading: the kernel takes no more for it, or half of what may wait does.
    package var isCongested: Bool { isBlocked || queued > queueLimit / 2 }
    /// How much may wait while the kernel takes no more.
    package func limitQueue(to bytes: Int) { queueLimit = bytes }
    /// Has the delegate told once nothing waits to be written any more.
    package func tellWhenDrained() { tellsWhenDrained = true }

    /// A frame's array and its place in the queue: without counting it, tiny frames would cost many times their size.
    private static let frameOverhead = 64
    /// Each time that so much more waits, the receiver is to have time to read it; a power of two.
    private static let much: UInt = 262_144

    init(_ kind: Kind, on loop: EventLoop) {
        self.kind = kind
        super.init(size: kind.handleSize, on: loop)
        unsafe kind.initialize(raw, on: loop)
        adopt()
    }

    /// Goes on with a connected socket, which is the stream's from here on, with reading stopped; `nil` where that fails.
    convenience init?(_ kind: Kind, adopting descriptor: Int32, on loop: EventLoop) {
        self.init(kind, on: loop)
        let result =
            switch kind {
            case .tcp: unsafe uv_tcp_open(raw.assumingMemoryBound(to: uv_tcp_t.self), descriptor)
            case .local: unsafe uv_pipe_open(raw.assumingMemoryBound(to: uv_pipe_t.self), descriptor)
            }
        if result == 0 {
            self.descriptor = descriptor
        } else {
            _ = CLibuv.close(descriptor)
            close()
            return nil
        }
    }

    private var handle: UnsafeMutablePointer<uv_stream_t> { unsafe switchboard_stream(raw) }

    override func willClose() {
        if let secure, secure.session.hasEnded { sayEnd(secure) }
        first = nil
        rest = []
        hasMore = false
        let owner = owner
        self.owner = nil
        owner?.closed()
        loop.bytesWaiting -= queued
    }

    // MARK: - Reading

    package func startReading() {
        if isReading || hasEnded || isClosed { return }
        isReading = true
        let result = unsafe uv_read_start(
            handle,
            { handle, _, buffer in
                unsafe Handle.lend(handle, as: SocketStream.self) { stream in
                    // No room has libuv say that there is something, and not read it.
                    if stream.loop.input.readsInBatches, stream.secure == nil {
                        return unsafe buffer!.pointee = uv_buf_init(nil, 0)
                    }
                    let room = unsafe UnsafeMutableRawPointer(stream.loop.input.room)
                    unsafe buffer!.pointee = uv_buf_init(
                        room.assumingMemoryBound(to: CChar.self), UInt32(TLSPipe.largestRead))
                }
            },
            { handle, count, _ in unsafe Handle.lend(handle, as: SocketStream.self) { $0.didRead(count) } })
        if result < 0 { close() }
    }

    /// Leaves what comes in the kernel, so that a sender who is too fast is slowed by his own socket.
    package func stopReading() {
        if !isReading || isClosed { return }
        isReading = false
        unsafe uv_read_stop(handle)
    }

    private func didRead(_ count: Int) {
        if count > 0 {
            loop.bytesRead += count
            loop.input.add(count, of: self)
        } else if count == Int(UV_ENOBUFS.rawValue), loop.input.readsInBatches, secure == nil {
            loop.input.add(readable: self)
        } else if count < 0 {
            loop.input.look()
            // With TLS, an end that the peer did not announce may be anybody's work.
            if count == Int(UV_EOF.rawValue), secure == nil { end() } else { close() }
        }
    }

    /// Whether it is read from.
    var mayRead: Bool { isReading && !isClosed && findDescriptor() }
    /// Where it is read from, if ``mayRead``, and written to; -1 where nobody has asked yet.
    var descriptorInUse: Int32 { descriptor }

    /// Takes what was read from its descriptor: as many bytes as `count` says, the end where that is 0, or an error of libuv's.
    func didReceive(_ count: Int, _ bytes: UnsafeMutableBufferPointer<UInt8>) {
        if count > 0 {
            loop.bytesRead += count
            unsafe look(at: bytes)
        } else if count != Int(UV_EAGAIN.rawValue), mayRead {
            if count == 0, secure == nil { end() } else { close() }
        }
    }

    /// Passes on what was read.
    func look(at bytes: UnsafeMutableBufferPointer<UInt8>) {
        if isClosed { return }
        var bytes = unsafe bytes.mutableSpan
        if let secure { decrypt(bytes.span, secure) } else { owner?.received(&bytes) }
    }

    private func end() {
        stopReading()
        hasEnded = true
        owner?.receivedEnd()
    }

    // MARK: - Writing

    /// Queues bytes for the end of this turn. What is sent after ``finish()`` or ``close()`` is dropped.
    package func send(_ bytes: consuming [UInt8]) {
        if isClosed || isFinishing || bytes.isEmpty { return }
        let before = queued
        queued += bytes.count + Self.frameOverhead
        if first == nil {
            first = bytes
        } else {
            rest.append(bytes)
            hasMore = true
            if UInt(bitPattern: before ^ queued) >= Self.much { loop.endTurnSoon() }
        }
        if !isBlocked || queued > queueLimit { mark() }
    }

    /// Writes what is queued, then tells the peer that no more will come. The peer's own end is awaited by the
    /// owner, so that bytes under way do not turn the last ones into a reset.
    package func finish() {
        if isClosed || isFinishing { return }
        isFinishing = true
        mark()
    }

    private func mark() {
        if isMarked { return }
        isMarked = true
        loop.setUnflushed(self)
    }

    func flush() {
        isMarked = false
        if let secure {
            flushEncrypted(secure)
        } else {
            flushPlain()
        }
        if isClosed { return }
        if isBlocked {
            if queued > queueLimit, !isFinishing { owner?.overflowed() }
            return
        }
        if isFinishing { return shutDown() }
        if tellsWhenDrained {
            tellsWhenDrained = false
            owner?.drained()
        }
    }

    private func flushPlain() {
        while !isClosed, !isBlocked, let frame = first.take() {
            if unsafe !hasMore || frame.count > loop.gatherBuffer.count {
                if hasMore {
                    first = rest.removeFirst()
                    hasMore = !rest.isEmpty
                }
                queued -= Self.frameOverhead
                unsafe frame.withUnsafeBufferPointer { unsafe write($0) }
            } else {
                unsafe write(gather(startingWith: frame, in: loop.gatherBuffer))
            }
        }
    }

    /// Adds what is written first to a batch; the rest is left to ``flush()``.
    func add(to batch: SendBatch) {
        if secure != nil || isBlocked || isClosed || first == nil || !findDescriptor() { return }
        if hasMore {
            let room = unsafe batch.room(for: queued)
            guard let frame = first, frame.count <= room.count else { return }
            unsafe batch.add(gathered: gather(startingWith: frame, in: room), of: self, to: descriptor)
        } else if let frame = first.take() {
            queued -= Self.frameOverhead
            batch.add(frame, of: self, to: descriptor)
        }
    }

    /// Takes frames off the queue into a buffer, as many as fit.
    private func gather(
        startingWith frame: [UInt8], in buffer: UnsafeMutableBufferPointer<UInt8>
    ) -> UnsafeBufferPointer<UInt8> {
        var count = unsafe Self.put(frame, in: buffer, at: 0)
        var taken = 0
        while taken < rest.count && count + rest[taken].count <= buffer.count {
            unsafe count += Self.put(rest[taken], in: buffer, at: count)
            taken += 1
        }
        queued -= (1 + taken) * Self.frameOverhead
        if taken == rest.count {
            first = nil
            rest = []
        } else {
            first = rest[taken]
            rest.removeFirst(taken + 1)
        }
        hasMore = !rest.isEmpty
        return unsafe UnsafeBufferPointer(rebasing: buffer[..<count])
    }

    /// Copies a frame into a buffer, where there is room for it.
    ///
    /// - Returns: Its length.
    private static func put(_ frame: [UInt8], in buffer: UnsafeMutableBufferPointer<UInt8>, at offset: Int) -> Int {
        let room = unsafe UnsafeMutableBufferPointer(rebasing: buffer[offset...])
        _ = unsafe frame.withUnsafeBufferPointer { unsafe room.initialize(fromContentsOf: $0) }
        return frame.count
    }

    /// Gives bytes to the kernel; what it does not take is copied and follows when it can.
    private func write(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress, !bytes.isEmpty, !isClosed else { return }
        if descriptor < 0, !findDescriptor() { return close() }
        if unsafe !didSend(switchboard_send(descriptor, start, bytes.count), of: bytes) { close() }
    }

    /// The kernel has taken so many bytes, or tells an error.
    ///
    /// - Returns: Whether the connection still works.
    func didSend(_ result: Int, of bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        if result < 0 { return false }
        queued -= result
        loop.bytesWritten += result
        return unsafe result == bytes.count || queue(UnsafeBufferPointer(rebasing: bytes[result...]))
    }

    /// - Returns: Whether there is one.
    private func findDescriptor() -> Bool {
        if descriptor >= 0 { return true }
        if isClosed { return false }
        // Not into the property itself: each access to it would be checked at run time.
        var found: Int32 = -1
        if unsafe uv_fileno(switchboard_handle(raw), &found) != 0 { return false }
        descriptor = found
        return true
    }

    /// Has libuv write a copy of `bytes` when the socket takes more.
    ///
    /// - Returns: Whether it does.
    private func queue(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        isBlocked = true
        let write = UnsafeMutablePointer<uv_write_t>.allocate(capacity: 1)
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
        _ = unsafe copy.initialize(from: bytes)
        unsafe write.pointee.data = UnsafeMutableRawPointer(copy.baseAddress!)
        var buffer = unsafe uv_buf_init(
            UnsafeMutableRawPointer(copy.baseAddress!).assumingMemoryBound(to: CChar.self), UInt32(copy.count))
        let result = unsafe uv_write(write, handle, &buffer, 1) { write, status in
            let stream = unsafe Handle.of(write!.pointee.handle, as: SocketStream.self)
            unsafe write!.pointee.data.deallocate()
            let count = stream.blockedBytes
            unsafe write!.deallocate()
            stream.didWrite(count, status)
        }
        if result < 0 {
            unsafe copy.deallocate()
            unsafe write.deallocate()
            return false
        }
        blockedBytes = bytes.count
        return true
    }

    private func didWrite(_ count: Int, _ status: Int32) {
        isBlocked = false
        blockedBytes = 0
        if isClosed { return }
        if status < 0 { return close() }
        queued -= count
        loop.bytesWritten += count
        mark()
    }

    /// All has been written. libuv would look at the socket for room first, which there is.
    private func shutDown() {
        if hasEnded || !findDescriptor() || shutdown(descriptor, Int32(SHUT_WR)) != 0 { close() }
    }

    // MARK: - TLS

    /// Speaks TLS from here on, as the server.
    ///
    /// - Parameters:
    ///   - early: What came already.
    ///   - refusal: What a client is sent, in the clear, that speaks plain HTTP.
    package func startTLS(_ context: TLSContext, early: Span<UInt8>, refusal: [UInt8]) {
        let secure = SecureLayer(TLSSession(context, through: loop.tlsPipe), refusal: refusal)
        self.secure = secure
        if !early.isEmpty { decrypt(early, secure) }
    }

    package var isEncrypted: Bool { secure != nil }
    /// Why TLS failed, if it did.
    package var tlsFailure: TLSError? { secure?.failure }

    /// Gives the session away, to go on with the socket elsewhere.
    func takeSecureLayer() -> SecureLayer? { secure.take() }
    func adopt(_ layer: SecureLayer?) {
        layer?.session.move(to: loop.tlsPipe)
        secure = layer
    }

    private func decrypt(_ bytes: Span<UInt8>, _ secure: SecureLayer) {
        if secure.isDeaf { return }
        let (count, failure) = secure.session.receive(bytes)
        let (isEstablished, hasEnded) = (secure.session.isEstablished, secure.session.hasEnded)
        if failure == .plainHTTP {
            answer(secure.refusal, secure)
        } else if loop.tlsPipe.hasOutput {
            // Of a handshake, or the alert that says what is wrong.
            let output = loop.tlsPipe.takeOutput()
            answer(output, secure)
            loop.tlsPipe.giveBack(output)
        }
        // From here on the session may belong to another loop, where the owner released the socket.
        if count > 0, !isClosed { loop.tlsPipe.withPlaintext(count) { owner?.received(&$0) } }
        if isClosed { return }
        if let failure {
            secure.failure = failure
            secure.isDeaf = true
            // In a handshake the peer gets the time to read why; later it has been told, and nothing else counts.
            if isEstablished { close() } else { finish() }
        } else if hasEnded {
            end()
        }
    }

    /// Sends what is not of the owner's making, as it is.
    private func answer(_ bytes: [UInt8], _ secure: SecureLayer) {
        queued += bytes.count
        // Behind those that wait: records are numbered.
        if !isBlocked, secure.answers.isEmpty {
            unsafe bytes.withUnsafeBufferPointer { unsafe write($0) }
        } else if secure.answers.count + bytes.count <= SecureLayer.answerLimit {
            secure.answers += bytes
        } else {
            close()
        }
    }

    /// Encrypts as much as the kernel takes: what waits is plaintext, but for one piece.
    private func flushEncrypted(_ secure: SecureLayer) {
        if !isBlocked, !isClosed, !secure.answers.isEmpty {
            unsafe secure.answers.withUnsafeBufferPointer { unsafe write($0) }
            secure.answers = []
        }
        while !isClosed, !isBlocked, first != nil {
            let isEncrypted = unsafe secure.session.send(Span(_unsafeElements: takePlaintext(secure)))
            if !isEncrypted { return close() }
            writeEncrypted()
        }
        if isFinishing, !isClosed, !isBlocked {
            secure.session.sendEnd()
            writeEncrypted()
        }
    }

    /// A peer that said its end waits for ours, if the kernel takes it.
    private func sayEnd(_ secure: SecureLayer) {
        if isBlocked || descriptor < 0 { return }
        secure.session.sendEnd()
        let output = loop.tlsPipe.takeOutput()
        _ = unsafe output.withUnsafeBufferPointer { bytes in
            unsafe bytes.isEmpty ? 0 : switchboard_send(descriptor, bytes.baseAddress!, bytes.count)
        }
        loop.tlsPipe.giveBack(output)
    }

    private func writeEncrypted() {
        let output = loop.tlsPipe.takeOutput()
        queued += output.count
        unsafe output.withUnsafeBufferPointer { unsafe write($0) }
        loop.tlsPipe.giveBack(output)
    }

    /// Takes plaintext off the queue into the loop's buffer, as much as fits: parts of frames too.
    private func takePlaintext(_ secure: SecureLayer) -> UnsafeBufferPointer<UInt8> {
        let buffer = unsafe loop.gatherBuffer
        var count = 0
        var taken = 0
        while let bytes = first, count < buffer.count {
            let part = min(bytes.count - secure.offset, buffer.count - count)
            unsafe bytes.withUnsafeBufferPointer {
                unsafe (buffer.baseAddress! + count).initialize(from: $0.baseAddress! + secure.offset, count: part)
            }
            count += part
            secure.offset += part
            if secure.offset < bytes.count { break }
            secure.offset = 0
            queued -= Self.frameOverhead
            first = taken < rest.count ? rest[taken] : nil
            if first != nil { taken += 1 }
        }
        queued -= count
        if first == nil { rest = [] } else { rest.removeFirst(taken) }
        hasMore = !rest.isEmpty
        return unsafe UnsafeBufferPointer(rebasing: buffer[..<count])
    }

    // MARK: - Connecting

    /// Connects to a local socket.
    ///
    /// - Parameter done: Called with the stream, or with `nil` where nobody listens.
    package convenience init(connectingTo path: String, on loop: EventLoop, done: @escaping (SocketStream?) -> Void) {
        self.init(.local, on: loop)
        final class Request {
            let done: (SocketStream?) -> Void
            init(_ done: @escaping (SocketStream?) -> Void) { self.done = done }
        }
        let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
        unsafe request.pointee.data = Unmanaged.passRetained(Request(done)).toOpaque()
        unsafe uv_pipe_connect(request, raw.assumingMemoryBound(to: uv_pipe_t.self), path) { request, status in
            let stream = unsafe Handle.of(request!.pointee.handle, as: SocketStream.self)
            let done = unsafe Unmanaged<Request>.fromOpaque(request!.pointee.data).takeRetainedValue().done
            unsafe request!.deallocate()
            if status < 0 { stream.close() }
            done(status < 0 ? nil : stream)
        }
    }

    /// Ends once the peer's machine has been silent for some ten seconds.
    package func noticeSilence() { if findDescriptor() { switchboard_notice_silence(descriptor) } }

    // MARK: - Addresses

    /// The peer's IP address, without the port; empty for a local socket.
    package var peerAddress: String {
        var address = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        let isKnown = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe uv_handle_get_type(switchboard_handle(raw)) == UV_TCP
                    && uv_tcp_getpeername(raw.assumingMemoryBound(to: uv_tcp_t.self), pointer, &length) == 0
            }
        }
        return isKnown ? SocketAddress.text(of: address) : ""
    }
}
