internal import CLibuv

/// Accepts connections on one loop.
package final class Listener: Handle {
    private let kind: SocketStream.Kind
    private let onConnection: (SocketStream) -> Void

    private init(_ kind: SocketStream.Kind, on loop: EventLoop, _ onConnection: @escaping (SocketStream) -> Void) {
        self.kind = kind
        self.onConnection = onConnection
        super.init(size: kind.handleSize, on: loop)
        unsafe kind.initialize(raw, on: loop)
        adopt()
    }

    /// Listens on a socket that ``BoundSocket`` reserved; the connections arrive on `loop` with reading stopped.
    package convenience init(
        _ socket: BoundSocket, on loop: EventLoop, _ onConnection: @escaping (SocketStream) -> Void
    ) throws(IOError) {
        self.init(socket.kind, on: loop, onConnection)
        do {
            switch kind {
            case .tcp:
                let handle = unsafe raw.assumingMemoryBound(to: uv_tcp_t.self)
                try unsafe IOError.check(uv_tcp_open(handle, socket.descriptor))
                // Accepted sockets inherit it, which saves a system call each.
                try unsafe IOError.check(uv_tcp_nodelay(handle, 1))
            case .local:
                try unsafe IOError.check(uv_pipe_open(raw.assumingMemoryBound(to: uv_pipe_t.self), socket.descriptor))
            }
            try unsafe IOError.check(
                uv_listen(switchboard_stream(raw), 4096) { handle, status in
                    unsafe Handle.of(handle, as: Listener.self).accept(status)
                })
        } catch {
            close()
            throw error
        }
    }

    private func accept(_ status: Int32) {
        // A failure here is the process out of descriptors; libuv then drops the connection and goes on.
        if status < 0 || isClosed { return }
        let stream = SocketStream(kind, on: loop)
        let result = unsafe uv_accept(switchboard_stream(raw), switchboard_stream(stream.raw))
        if result == 0 { onConnection(stream) } else { stream.close() }
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
        return try IOError.check(result ?? UV_EINVAL.rawValue)
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
