internal import CLibuv

/// What a program asks the system about itself.
package enum System {
    /// A peer that went away is an error to handle, not a signal that ends the process.
    package static func ignoreBrokenPipes() { switchboard_ignore_signal(SIGPIPE) }

    /// Files made from now on are for this user only: a database holds what people wrote to each other.
    package static func makeFilesPrivate() { switchboard_make_files_private() }

    /// Lets failed writes over a size limit be errors too.
    package static func ignoreFileSizeSignals() { switchboard_ignore_signal(SIGXFSZ) }

    /// How many descriptors this process may have open at the moment; all have smaller numbers.
    package static var descriptorLimit: Int { switchboard_descriptor_limit() }

    /// Lets this process have as many descriptors as it may allow itself: shells and containers often start with 1,024. A
    /// million is what costs nothing.
    package static func raiseDescriptorLimit() { switchboard_raise_descriptor_limit(1 << 20) }

    /// Milliseconds on the clock of ``EventLoop/now``, for those who are on no loop.
    package static var milliseconds: UInt64 { uv_hrtime() / 1_000_000 }

    /// Removes a file or a socket, if it is there; never a folder.
    package static func unlink(_ path: String) {
        var request = unsafe uv_fs_t()
        unsafe uv_fs_unlink(nil, &request, path, nil)
        unsafe uv_fs_req_cleanup(&request)
    }

    /// Removes a folder, if it is empty.
    package static func removeFolder(_ path: String) {
        var request = unsafe uv_fs_t()
        unsafe uv_fs_rmdir(nil, &request, path, nil)
        unsafe uv_fs_req_cleanup(&request)
    }

    /// Whether standard error is a person's terminal.
    package static var errorIsTerminal: Bool { uv_guess_handle(2) == UV_TTY }

    package static var identifier: Int { Int(uv_os_getpid()) }

    /// Writes all bytes to standard error, or gives up where nobody reads them.
    package static func writeToStandardError(_ bytes: [UInt8]) { _ = write(bytes, to: 2) }

    /// Writes all bytes to standard output, likewise.
    package static func writeToStandardOutput(_ bytes: [UInt8]) { _ = write(bytes, to: 1) }

    /// The same, where what is missing would be missed.
    package static func writeAllToStandardOutput(_ bytes: [UInt8]) throws(IOError) {
        if let error = write(bytes, to: 1) { throw error }
    }

    /// - Returns: Why not all was written, if so.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> IOError? {
        unsafe bytes.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
                let count = unsafe CLibuv.write(descriptor, rest.baseAddress, rest.count)
                if count <= 0 { return .last }
                written += count
            }
            return nil
        }
    }

    /// Microseconds on a clock that only goes forward.
    package static var microsecondsForward: UInt64 { uv_hrtime() / 1000 }

    /// Blocks the thread: not for an event loop.
    package static func sleep(milliseconds: UInt32) { uv_sleep(milliseconds) }

    /// Gives a file another name, unless something has that already.
    package static func rename(_ path: String, to name: String) throws(IOError) {
        try IOError.check(unsafe switchboard_rename(path, name, 0))
    }

    /// Gives a file a second name.
    package static func link(_ path: String, to name: String) throws(IOError) {
        if unsafe CLibuv.link(path, name) != 0 { throw IOError.last }
    }

    /// Microseconds since 1970, by the system's clock.
    package static var microsecondsSince1970: Int64 {
        var time = uv_timeval64_t()
        unsafe uv_gettimeofday(&time)
        return time.tv_sec * 1_000_000 + Int64(time.tv_usec)
    }
}
