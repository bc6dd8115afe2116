internal import CLibuv
import Synchronization

/// A connected socket on its way from one loop to another. If it never arrives, the connection ends.
package final class LooseSocket: Sendable {
    fileprivate let kind: SocketStream.Kind
    private let descriptor: Mutex<Int32?>
    private let secure: Handoff

    /// A TLS session on its way.
    private final class Handoff: @unchecked Sendable {
        // Proof: the loop that released the socket has let go of it, and one loop takes it, once.
        var layer: SecureLayer?

        init(_ layer: SecureLayer?) { self.layer = layer }
    }

    fileprivate init(_ kind: SocketStream.Kind, _ descriptor: Int32, _ secure: SecureLayer?) {
        self.kind = kind
        self.descriptor = Mutex(descriptor)
        self.secure = Handoff(secure)
    }

    deinit { if let descriptor = take() { _ = CLibuv.close(descriptor) } }

    fileprivate func take() -> Int32? { descriptor.withLock { $0.take() } }
    fileprivate func takeSecureLayer() -> SecureLayer? { secure.layer.take() }
}

extension SocketStream {
    /// Takes the socket off this loop, and closes the stream. What was sent must have left: see ``queuedBytes``.
    ///
    /// - Returns: `nil` when the system has no descriptor left; the connection is over then.
    package func release() -> LooseSocket? {
        precondition(queuedBytes == 0, "what waits to be written can't move")
        defer { close() }
        var descriptor: Int32 = -1
        guard unsafe uv_fileno(switchboard_handle(raw), &descriptor) == 0 else { return nil }
        let copy = switchboard_duplicate(descriptor)
        return copy < 0 ? nil : LooseSocket(kind, copy, takeSecureLayer())
    }

    /// Goes on with a socket that another loop released, with reading stopped; `nil` where that fails.
    package convenience init?(_ socket: LooseSocket, on loop: EventLoop) {
        guard let descriptor = socket.take() else { return nil }
        self.init(socket.kind, adopting: descriptor, on: loop)
        adopt(socket.takeSecureLayer())
    }
}
