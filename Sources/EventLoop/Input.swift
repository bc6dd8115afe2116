import TLS

/// What the streams of a loop have read, and their owners have not looked at yet.
///
/// Reading and looking at it take turns by the dozen, as each is more code than the processor's cache has room for beside
/// the other (docs/PERFORMANCE.md). All is looked at before the turn ends.
@safe final class Input {
    @safe private struct Piece {
        let stream: Unmanaged<SocketStream>
        let start, count: Int
    }

    /// What is looked at as soon as it is there.
    private static let enough = (bytes: 16_384, pieces: 64)

    private let buffer: UnsafeMutableBufferPointer<UInt8>
    // Private, so that accesses are not checked at run time; see ``Handle``.
    private var used = 0
    // Unchecked: nothing that a piece holds has code that is run when it goes.
    @safe @exclusivity(unchecked) private var pieces: [Piece] = []

    init() { unsafe buffer = .allocate(capacity: Self.enough.bytes + TLSPipe.largestRead) }

    deinit { unsafe buffer.deallocate() }

    /// Where the next piece is read into: ``TLSPipe/largestRead`` bytes.
    var room: UnsafeMutablePointer<UInt8> { unsafe buffer.baseAddress! + used }

    /// A stream has read bytes into the ``room``.
    func add(_ count: Int, of stream: SocketStream) {
        if stream.hasInput {
            // Of one stream there is one piece: who has looked at it may give the socket away.
            let start = used
            look()
            return unsafe stream.look(at: UnsafeMutableBufferPointer(rebasing: buffer[start..<start + count]))
        }
        stream.hasInput = true
        unsafe pieces.append(Piece(stream: .passUnretained(stream), start: used, count: count))
        used += count
        if used >= Self.enough.bytes || pieces.count == Self.enough.pieces { look() }
    }

    /// Has the owners look at all that was read. They may close streams, but none of them reads meanwhile.
    func look() {
        if pieces.isEmpty { return }
        for index in pieces.indices {
            let piece = pieces[index]
            let bytes = unsafe UnsafeMutableBufferPointer(rebasing: buffer[piece.start..<piece.start + piece.count])
            // Not counted: libuv holds each stream until the end of the turn, closed or not.
            unsafe piece.stream._withUnsafeGuaranteedRef { stream in
                stream.hasInput = false
                unsafe stream.look(at: bytes)
            }
        }
        pieces.removeAll(keepingCapacity: true)
        used = 0
    }
}
