internal import CLibuv

/// Accepts connections on one loop.
///
/// It looks at the listening socket itself: libuv's own listener never ends its turn while the process has no descriptor
/// for the next connection.
package final class Listener: Handle {
    private let kind: SocketStream.Kind
    private let descriptor: Int32
    private let onConnection: (SocketStream, _ peer: String) -> Void
    private let onExhaustion: (IOError) -> Void
    /// While the system can't give us connections.
    private var pause: RepeatingTimer?

    /// How many connections are taken before others of the loop have their turn.
    private static let turn = 64
    /// Milliseconds after which it is tried again where descriptors or memory were used up.
    private static let patience: UInt64 = 100

    /// Listens on a socket that ``BoundSocket`` reserved.
    ///
    /// - Parameters:
    ///   - onExhaustion: Called when a connection can't be taken for want of descriptors or memory. It waits, as do those
    ///     behind it, and is tried again ten times a second.
    ///   - onConnection: Called for each, with reading stopped, and with its ``SocketStream/peerAddress``.
    package init(
        _ socket: BoundSocket, on loop: EventLoop, onExhaustion: @escaping (IOError) -> Void = { _ in },
        _ onConnection: @escaping (SocketStream, _ peer: String) -> Void
    ) throws(IOError) {
        kind = socket.kind
        descriptor = socket.descriptor
        self.onConnection = onConnection
        self.onExhaustion = onExhaustion
        unsafe super.init(size: MemoryLayout<uv_poll_t>.size, on: loop)
        let result = unsafe uv_poll_init(loop.raw, poll, descriptor)
        if result < 0 {
            unsafe raw.deallocate()
            throw IOError(code: result)
        }
        adopt()
        do {
            let isTCP: Int32 = kind == .tcp ? 1 : 0
            try IOError.check(switchboard_listen(descriptor, 4096, isTCP))
            try resume()
        } catch {
            close()
            throw error
        }
    }

    private var poll: UnsafeMutablePointer<uv_poll_t> { unsafe raw.assumingMemoryBound(to: uv_poll_t.self) }

    private func resume() throws(IOError) {
        try unsafe IOError.check(
            uv_poll_start(poll, Int32(UV_READABLE.rawValue)) { handle, _, _ in
                unsafe Handle.of(handle, as: Listener.self).accept()
            })
    }

    override func willClose() {
        pause?.close()
        unsafe uv_poll_stop(poll)
        _ = CLibuv.close(descriptor)
    }

    private func accept() {
        for _ in 0..<Self.turn {
            if isClosed { return }
            var peer = sockaddr_storage()
            let accepted = unsafe switchboard_accept(descriptor, &peer)
            switch accepted {
            case 0...:
                guard let stream = SocketStream(kind, adopting: accepted, on: loop) else { continue }
                onConnection(stream, SocketAddress.text(of: peer))
            case UV_EAGAIN.rawValue: return
            case UV_ECONNABORTED.rawValue, UV_EPROTO.rawValue: continue
            default: return wait(IOError(code: accepted))
            }
        }
    }

    /// Looks away for a moment: the connection stays in the system's queue, so that looking on would never rest.
    private func wait(_ error: IOError) {
        unsafe uv_poll_stop(poll)
        pause = RepeatingTimer(every: Self.patience, on: loop) { [unowned self] in
            pause?.close()
            pause = nil
            try? resume()
        }
        onExhaustion(error)
    }
}

/// A socket that is bound, and listens once a ``Listener`` took it.
package struct BoundSocket: Sendable {
    let kind: SocketStream.Kind
    let descriptor: Int32

    /// Binds `count` sockets to one address, for as many loops; the kernel spreads connections over them.
    ///
    /// - Parameter address: Port 0 has the system choose one.
    /// - Returns: The address with its port, and the sockets.
    /// - Throws: ``IOError/addressInUse``, also when another process would share the address, and whatever else the
    ///   system says.
    package static func tcp(_ address: SocketAddress, count: Int) throws(IOError) -> (SocketAddress, [BoundSocket]) {
        // Sharing must not include strangers, so the address is first taken alone.
        let alone = try bind(address, shared: false)
        let address = address.with(port: port(of: alone))
        if count == 1 { return (address, [BoundSocket(kind: .tcp, descriptor: alone)]) }
        CLibuv.close(alone)
        var sockets: [BoundSocket] = []
        for _ in 0..<count {
            sockets.append(BoundSocket(kind: .tcp, descriptor: try bind(address, shared: true)))
        }
        return (address, sockets)
    }

    /// Binds a local socket that only this user may connect to, in place of what an earlier process left.
    ///
    /// - Parameter path: At most 107 bytes.
    package static func local(_ path: String) throws(IOError) -> BoundSocket {
        BoundSocket(kind: .local, descriptor: try unsafe IOError.check(switchboard_bind_local(path)))
    }

    private static func bind(_ address: SocketAddress, shared: Bool) throws(IOError) -> Int32 {
        let result = unsafe address.withSocketAddress { unsafe switchboard_bind($0, shared ? 1 : 0) }
        let descriptor = try IOError.check(result ?? UV_EINVAL.rawValue)
        // What the system has for networks, such as BBR, measures and paces each connection.
        if address.isLoopback { switchboard_expect_no_congestion(descriptor) }
        return descriptor
    }

    private static func port(of descriptor: Int32) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { storage in
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe getsockname(descriptor, address, &length) == 0 ? SocketAddress.port(of: address) : 0
            }
        }
    }
}
