internal import CLibuv

/// Calls a closure again and again until it is closed.
package final class RepeatingTimer: Handle {
    private let body: () -> Void

    /// - Parameter interval: Milliseconds until the first call, and between calls.
    package init(every interval: UInt64, on loop: EventLoop, _ body: @escaping () -> Void) {
        self.body = body
        unsafe super.init(size: MemoryLayout<uv_timer_t>.size, on: loop)
        let handle = unsafe raw.assumingMemoryBound(to: uv_timer_t.self)
        unsafe uv_timer_init(loop.raw, handle)
        adopt()
        unsafe uv_timer_start(handle, { unsafe Handle.of($0, as: RepeatingTimer.self).body() }, interval, interval)
    }
}
