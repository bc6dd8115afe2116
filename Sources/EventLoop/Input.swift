internal import CLibuv
internal import CSocketBatch
import TLS

/// What the streams of a loop have read, or can read, and their owners have not looked at yet.
///
/// Reading and looking at it take turns by the dozen, as each is more code than the processor's cache has room for beside
/// the other (docs/PERFORMANCE.md). Streams that can be read from are read from together, by one system call, where the
/// system has one for that and lets us. All is looked at before the turn ends.
@safe final class Input {
    @safe private struct Piece {
        let stream: Unmanaged<SocketStream>
        let start, count: Int
    }

    /// What is looked at as soon as it is there.
    private static let enough = (bytes: 16_384, pieces: 64)
    /// What one of many streams is read into. Most messages are small: the rest of a larger one is read by itself.
    private static let share = 1024
    /// Where it begins, behind that of the one before: in another set of lines of the processor's cache.
    private static let stride = share + 64

    private let buffer: UnsafeMutableBufferPointer<UInt8>
    // Private, so that accesses are not checked at run time; see ``Handle``.
    private var used = 0
    // Unchecked: nothing that a piece holds has code that is run when it goes.
    @safe @exclusivity(unchecked) private var pieces: [Piece] = []
    @safe @exclusivity(unchecked) private var readable: [Unmanaged<SocketStream>] = unsafe []
    private let calls: OpaquePointer?
    private var results = [Int32](repeating: 0, count: enough.pieces)

    /// - Parameter readsInBatches: Whether many streams are read from by one system call, where the system has one.
    init(readsInBatches: Bool) {
        unsafe calls = readsInBatches ? socket_batch_open(UInt32(Self.enough.pieces)) : nil
        let forAll = Self.enough.pieces * Self.stride
        unsafe buffer = .allocate(capacity: max(Self.enough.bytes, forAll) + TLSPipe.largestRead)
    }

    deinit {
        unsafe buffer.deallocate()
        if let calls = unsafe calls { unsafe socket_batch_close(calls) }
    }

    /// Whether streams say that they can be read from (``add(readable:)``), instead of being read from at once.
    var readsInBatches: Bool { unsafe calls != nil }

    /// Where the next piece is read into: ``TLSPipe/largestRead`` bytes.
    var room: UnsafeMutablePointer<UInt8> { unsafe buffer.baseAddress! + used }

    /// A stream has read bytes into the ``room``.
    func add(_ count: Int, of stream: SocketStream) {
        if stream.hasInput {
            // Of one stream there is one piece: who has looked at it may give the socket away.
            let start = used
            // No more than these: what others have would be received over it.
            lookAtPieces()
            return unsafe stream.look(at: UnsafeMutableBufferPointer(rebasing: buffer[start..<start + count]))
        }
        stream.hasInput = true
        unsafe pieces.append(Piece(stream: .passUnretained(stream), start: used, count: count))
        used += count
        if used >= Self.enough.bytes || pieces.count == Self.enough.pieces { look() }
    }

    /// A stream can be read from.
    func add(readable stream: SocketStream) {
        if stream.hasInput { return }
        stream.hasInput = true
        unsafe readable.append(.passUnretained(stream))
        if unsafe readable.count == Self.enough.pieces { look() }
    }

    /// Has the owners look at all that was read, or can be. They may close streams, but none of them reads meanwhile.
    func look() {
        lookAtPieces()
        lookAtReadable()
    }

    private func lookAtPieces() {
        if pieces.isEmpty { return }
        for index in pieces.indices {
            let piece = pieces[index]
            let bytes = unsafe UnsafeMutableBufferPointer(rebasing: buffer[piece.start..<piece.start + piece.count])
            // Not counted, here and below: libuv holds each stream until the end of the turn, closed or not.
            unsafe piece.stream._withUnsafeGuaranteedRef { stream in
                stream.hasInput = false
                unsafe stream.look(at: bytes)
            }
        }
        pieces.removeAll(keepingCapacity: true)
        used = 0
    }

    private func lookAtReadable() {
        if unsafe readable.isEmpty { return }
        // Those that have been closed or stopped meanwhile are not read from.
        unsafe readable.removeAll { stream in
            unsafe stream._withUnsafeGuaranteedRef { stream in
                if stream.mayRead { return false }
                stream.hasInput = false
                return true
            }
        }
        if let calls = unsafe calls, unsafe readable.count > 1 {
            for index in unsafe readable.indices {
                unsafe readable[index]._withUnsafeGuaranteedRef { stream in
                    unsafe socket_batch_add_receive(
                        calls, stream.descriptorInUse, buffer.baseAddress! + index * Self.stride, Self.share)
                }
            }
            unsafe results.withUnsafeMutableBufferPointer { unsafe socket_batch_run(calls, $0.baseAddress!) }
            for index in unsafe readable.indices {
                let count = Int(results[index])
                let bytes = unsafe UnsafeMutableBufferPointer(
                    rebasing: buffer[index * Self.stride..<index * Self.stride + max(count, 0)])
                unsafe readable[index]._withUnsafeGuaranteedRef { stream in
                    stream.hasInput = false
                    unsafe stream.didReceive(count, bytes)
                    if count == Self.share, stream.mayRead { readAlone(stream) }
                }
            }
        } else if let alone = unsafe readable.first {
            unsafe alone._withUnsafeGuaranteedRef { stream in
                stream.hasInput = false
                readAlone(stream)
            }
        }
        unsafe readable.removeAll(keepingCapacity: true)
    }

    /// Reads what there is, behind what others have read.
    private func readAlone(_ stream: SocketStream) {
        let room = unsafe UnsafeMutableBufferPointer(rebasing: buffer[(buffer.count - TLSPipe.largestRead)...])
        let count = unsafe switchboard_receive(stream.descriptorInUse, room.baseAddress!, room.count)
        unsafe stream.didReceive(count, UnsafeMutableBufferPointer(rebasing: room[..<max(count, 0)]))
    }
}
