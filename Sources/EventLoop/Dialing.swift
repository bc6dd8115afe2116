internal import CLibuv

/// Where a server is that this process connects to.
package enum RemoteAddress: Sendable, Equatable {
    /// A name, which is looked up, or an IP address without brackets.
    case tcp(host: String, port: UInt16)
    case local(path: String)
}

/// A connection to another server that is being made: its name is looked up, and then each of its addresses is tried in
/// turn. Belongs to its loop's thread.
@safe package final class Dialing {
    private let loop: EventLoop
    /// Emptied by the first call, or by ``cancel()``.
    private var done: ((Result<SocketStream, IOError>) -> Void)?
    /// Of the lookup, until the last address was tried.
    private var addresses: UnsafeMutablePointer<addrinfo>?
    private var next: UnsafeMutablePointer<addrinfo>?
    private var stream: SocketStream?

    /// Starts to connect.
    ///
    /// - Parameter done: Called once and later, unless it is cancelled: with a connected stream, reading stopped, or with
    ///   why the last address that was tried refused.
    package init(
        to address: RemoteAddress, on loop: EventLoop, _ done: @escaping (Result<SocketStream, IOError>) -> Void
    ) {
        precondition(loop.isCurrent)
        self.loop = loop
        self.done = done
        switch address {
        case .tcp(let host, let port): lookUp(host, port)
        case .local(let path): connect(toPath: path)
        }
    }

    /// Gives up: nothing is called any more.
    package func cancel() {
        done = nil
        stream?.close()
        stream = nil
    }

    private func finish(_ result: Result<SocketStream, IOError>) {
        stream = nil
        done.take()?(result)
    }

    // MARK: - Names

    private func lookUp(_ host: String, _ port: UInt16) {
        let request = UnsafeMutablePointer<uv_getaddrinfo_t>.allocate(capacity: 1)
        unsafe request.initialize(to: uv_getaddrinfo_t())
        unsafe request.pointee.data = Unmanaged.passRetained(self).toOpaque()
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = switchboard_stream_socket
        let result = unsafe uv_getaddrinfo(
            loop.raw, request, { unsafe Dialing.take($0!).found($1, $2) }, host, String(port), &hints)
        if result < 0 {
            _ = unsafe Dialing.take(request)
            fail(IOError(code: result))
        }
    }

    private static func take(_ request: UnsafeMutablePointer<uv_getaddrinfo_t>) -> Dialing {
        defer { unsafe request.deallocate() }
        return unsafe Unmanaged<Dialing>.fromOpaque(request.pointee.data).takeRetainedValue()
    }

    private func found(_ status: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
        unsafe addresses = list
        unsafe next = list
        status < 0 ? finish(.failure(IOError(code: status))) : tryNext(after: IOError(code: UV_EAI_NONAME.rawValue))
        if status < 0 || done == nil { forget() }
    }

    /// - Parameter error: Why the one before was none, for the case that there are no more.
    private func tryNext(after error: IOError) {
        guard done != nil, let address = unsafe next else {
            forget()
            return finish(.failure(error))
        }
        unsafe next = address.pointee.ai_next
        let stream = SocketStream(.tcp, on: loop)
        unsafe connect(stream) { request, callback in
            unsafe uv_tcp_connect(
                request, stream.raw.assumingMemoryBound(to: uv_tcp_t.self), address.pointee.ai_addr, callback)
        }
    }

    private func forget() {
        unsafe uv_freeaddrinfo(addresses)
        unsafe addresses = nil
        unsafe next = nil
    }

    deinit { unsafe uv_freeaddrinfo(addresses) }

    // MARK: - Connecting

    private func connect(toPath path: String) {
        // libuv would cut it off.
        if path.utf8.count >= switchboard_longest_local_path { return fail(IOError(code: UV_ENAMETOOLONG.rawValue)) }
        let stream = SocketStream(.local, on: loop)
        unsafe connect(stream) { request, callback in
            unsafe uv_pipe_connect(request, stream.raw.assumingMemoryBound(to: uv_pipe_t.self), path, callback)
            return 0
        }
    }

    private func connect(
        _ stream: SocketStream, _ start: (UnsafeMutablePointer<uv_connect_t>, uv_connect_cb) -> Int32
    ) {
        self.stream = stream
        let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
        unsafe request.initialize(to: uv_connect_t())
        unsafe request.pointee.data = Unmanaged.passRetained(self).toOpaque()
        let result = unsafe start(request) { request, status in
            let dialing = unsafe Unmanaged<Dialing>.fromOpaque(request!.pointee.data).takeRetainedValue()
            unsafe request!.deallocate()
            dialing.connected(status)
        }
        if result < 0 {
            unsafe Unmanaged<Dialing>.fromOpaque(request.pointee.data).release()
            unsafe request.deallocate()
            // Not from within the call that asked for it.
            loop.later { [self] in connected(result) }
        }
    }

    private func connected(_ status: Int32) {
        guard let stream else { return forget() }
        if status < 0 {
            stream.close()
            self.stream = nil
            // The loop ends.
            if status == UV_ECANCELED.rawValue { unsafe next = nil }
            return tryNext(after: IOError(code: status))
        }
        forget()
        stream.sendSmallPiecesAtOnce()
        finish(.success(stream))
    }

    private func fail(_ error: IOError) { loop.later { [self] in finish(.failure(error)) } }
}

extension EventLoop {
    /// Runs `body` once this turn is over. On the loop's thread only.
    fileprivate func later(_ body: @escaping () -> Void) {
        let timer = Once(body)
        timer.start(on: self)
    }

    private final class Once {
        private var body: (() -> Void)?
        private var timer: RepeatingTimer?

        init(_ body: @escaping () -> Void) { self.body = body }

        func start(on loop: EventLoop) {
            timer = RepeatingTimer(every: 0, on: loop) { [self] in
                timer?.close()
                timer = nil
                body.take()?()
            }
        }
    }
}

extension SocketStream {
    fileprivate func sendSmallPiecesAtOnce() {
        if kind == .tcp { unsafe uv_tcp_nodelay(raw.assumingMemoryBound(to: uv_tcp_t.self), 1) }
    }
}
