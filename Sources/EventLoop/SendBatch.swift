internal import CLibuv
internal import CSocketBatch

/// What many streams write at the end of a turn, given to the kernel by one system call, where it has one for that: to enter
/// it is a tenth of what a small write costs.
@safe final class SendBatch {
    @unsafe private struct Piece {
        let stream: Unmanaged<SocketStream>
        /// What `bytes` lie in, unless that is the batch's own room.
        let frame: [UInt8]
        let bytes: UnsafeBufferPointer<UInt8>
    }

    private static let capacity = 256

    private let calls: OpaquePointer
    /// For what is put together, and how much of it is taken.
    private let room: UnsafeMutableBufferPointer<UInt8>
    private var used = 0
    // Unchecked: nothing that a piece holds has code that is run when it goes.
    @safe @exclusivity(unchecked) private var pieces: [Piece] = unsafe []
    private var results = [Int32](repeating: 0, count: capacity)
    /// Streams whose connections have failed.
    private var failed: [Unmanaged<SocketStream>] = unsafe []

    /// `nil` where the system has no such call, or forbids it, as many containers do.
    init?(gatheringIn room: UnsafeMutableBufferPointer<UInt8>) {
        guard let calls = unsafe socket_batch_open(UInt32(Self.capacity)) else { return nil }
        unsafe self.calls = calls
        unsafe self.room = room
        unsafe pieces.reserveCapacity(Self.capacity)
    }

    deinit { unsafe socket_batch_close(calls) }

    /// Where a stream may put together what it writes, if so many bytes are enough at the most; otherwise all there is.
    func room(for count: Int) -> UnsafeMutableBufferPointer<UInt8> {
        if unsafe count > room.count - used { send() }
        return unsafe UnsafeMutableBufferPointer(rebasing: room[used...])
    }

    /// Adds a frame.
    func add(_ frame: consuming [UInt8], of stream: SocketStream, to descriptor: Int32) {
        // Proof: they are read until the results are there, and until then the piece keeps the array, which nobody changes.
        let bytes = unsafe frame.withUnsafeBufferPointer { unsafe $0 }
        unsafe add(Piece(stream: .passUnretained(stream), frame: frame, bytes: bytes), to: descriptor)
    }

    /// Adds what was put together at the start of ``room(for:)``.
    func add(gathered bytes: UnsafeBufferPointer<UInt8>, of stream: SocketStream, to descriptor: Int32) {
        used += bytes.count
        unsafe add(Piece(stream: .passUnretained(stream), frame: [], bytes: bytes), to: descriptor)
    }

    private func add(_ piece: consuming Piece, to descriptor: Int32) {
        unsafe socket_batch_add_send(calls, descriptor, piece.bytes.baseAddress!, piece.bytes.count)
        unsafe pieces.append(piece)
        if unsafe pieces.count == Self.capacity { send() }
    }

    /// Gives all to the kernel. No owner of a stream is told anything yet: none of those that were added may be closed.
    private func send() {
        if unsafe pieces.isEmpty { return }
        unsafe results.withUnsafeMutableBufferPointer { unsafe socket_batch_run(calls, $0.baseAddress!) }
        for index in unsafe pieces.indices {
            let (stream, bytes) = unsafe (pieces[index].stream, pieces[index].bytes)
            unsafe stream._withUnsafeGuaranteedRef {
                // Where there is no room now, nothing was taken.
                let count = results[index] == -EAGAIN ? 0 : Int(results[index])
                if unsafe !$0.didSend(count, of: bytes) { unsafe failed.append(stream) }
            }
        }
        unsafe pieces.removeAll(keepingCapacity: true)
        used = 0
    }

    /// Gives what is left to the kernel, and closes what has failed.
    func finish() {
        send()
        if unsafe failed.isEmpty { return }
        for index in unsafe failed.indices { unsafe failed[index].takeUnretainedValue().close() }
        unsafe failed = []
    }
}
