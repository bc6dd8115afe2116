internal import CLibuv
import Synchronization

/// Ends a loop's wait from any other thread. On the loop's own thread there is nothing to do: the turn that is
/// under way looks into every inbox before it ends.
@safe final class WakeUp: @unchecked Sendable {
    // Proof: uv_async_send may be called from any thread while the handle is open, which `isOpen` guards; `thread`
    // is set once, before any other thread knows the loop.
    private let handle: UnsafeMutablePointer<uv_async_t>
    private let isOpen = Mutex(true)
    private var thread = uv_thread_t()

    /// - Parameter loop: Initialized, and not running yet.
    init(_ loop: UnsafeMutablePointer<uv_loop_t>) {
        unsafe handle = .allocate(capacity: 1)
        unsafe handle.initialize(to: uv_async_t())
        unsafe uv_async_init(loop, handle, nil)
    }

    /// Makes the calling thread the loop's own.
    func adoptThread() { thread = uv_thread_self() }

    var isCurrent: Bool {
        var current = uv_thread_self()
        return unsafe uv_thread_equal(&current, &thread) != 0
    }

    func send() {
        if isCurrent { return }
        sendAnyway()
    }

    /// Makes the next wait end at once, also on the loop's own thread.
    func sendAnyway() {
        isOpen.withLock { isOpen in
            if isOpen { unsafe uv_async_send(handle) }
        }
    }

    func close() {
        isOpen.withLock { isOpen in
            guard isOpen else { return }
            isOpen = false
            unsafe uv_close(switchboard_handle(handle)) { unsafe $0?.deallocate() }
        }
    }
}
