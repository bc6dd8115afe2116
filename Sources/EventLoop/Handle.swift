internal import CLibuv

/// A libuv handle and its memory: libuv holds a reference from ``adopt()`` until the close callback, so that C never
/// points at what is gone. Belongs to its loop's thread.
@safe package class Handle {
    package let loop: EventLoop
    /// The handle's memory; freed in the close callback, and nothing uses it after ``close()``.
    let raw: UnsafeMutableRawPointer
    // Private, as all that is hot here: the compiler then sees every access, and checks none at run time.
    private final var hasClosed = false
    package final var isClosed: Bool { hasClosed }

    init(size: Int, on loop: EventLoop) {
        precondition(loop.isCurrent, "a handle is made on its loop's thread")
        self.loop = loop
        unsafe raw = .allocate(byteCount: size, alignment: 16)
    }

    /// Called once, right after libuv initialized the handle.
    final func adopt() {
        unsafe uv_handle_set_data(switchboard_handle(raw), Unmanaged.passRetained(self).toOpaque())
    }

    /// The owner of a handle that libuv passed to a callback.
    static func of<Owner: Handle>(_ handle: UnsafeMutableRawPointer?, as type: Owner.Type = Owner.self) -> Owner {
        let data = unsafe uv_handle_get_data(switchboard_handle(handle))
        return unsafe Unmanaged<Owner>.fromOpaque(data!).takeUnretainedValue()
    }

    /// The same for what is called with each piece of input. The owner is not counted: libuv holds it until the close
    /// callback, which comes behind all others of a turn.
    static func lend<Owner: Handle>(
        _ handle: UnsafeMutableRawPointer?, as type: Owner.Type = Owner.self, to body: (Owner) -> Void
    ) {
        let data = unsafe uv_handle_get_data(switchboard_handle(handle))
        unsafe Unmanaged<Owner>.fromOpaque(data!)._withUnsafeGuaranteedRef { body($0) }
    }

    /// Closes the handle; repeated calls do nothing.
    package final func close() {
        if hasClosed { return }
        hasClosed = true
        willClose()
        unsafe uv_close(switchboard_handle(raw)) { handle in
            let owner = unsafe Unmanaged<Handle>.fromOpaque(uv_handle_get_data(handle)!).takeRetainedValue()
            unsafe owner.raw.deallocate()
        }
    }

    /// For subclasses: lets go of what points back.
    func willClose() {}
}
