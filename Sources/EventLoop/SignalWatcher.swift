internal import CLibuv

/// Calls a closure on its loop whenever the process receives a signal.
package final class SignalWatcher: Handle {
    private let body: () -> Void

    /// - Parameter number: Such as `SIGTERM`.
    /// - Throws: When the signal can't be caught.
    package init(_ number: Int32, on loop: EventLoop, _ body: @escaping () -> Void) throws(IOError) {
        self.body = body
        unsafe super.init(size: MemoryLayout<uv_signal_t>.size, on: loop)
        let handle = unsafe raw.assumingMemoryBound(to: uv_signal_t.self)
        unsafe uv_signal_init(loop.raw, handle)
        adopt()
        let result = unsafe uv_signal_start(
            handle, { handle, _ in unsafe Handle.of(handle, as: SignalWatcher.self).body() }, number)
        if result < 0 {
            close()
            throw IOError(code: result)
        }
    }
}

extension System {
    /// The signals that the process receives from now on.
    package static func signals(_ numbers: [Int32]) -> AsyncStream<Int32> {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        let loop = EventLoop()
        loop.submit {
            for number in numbers {
                // libuv holds the watcher; one that can't be made leaves the system's own way.
                _ = try? SignalWatcher(number, on: loop) { continuation.yield(number) }
            }
        }
        return stream
    }
}
