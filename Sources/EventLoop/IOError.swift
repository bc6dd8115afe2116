internal import CLibuv

/// Why the operating system refused, in libuv's terms.
package struct IOError: Error, Equatable, CustomStringConvertible {
    /// A negative libuv code, such as `UV_EADDRINUSE`.
    package let code: Int32

    /// The system's sentence for the code, without a full stop.
    package var description: String { unsafe String(cString: uv_strerror(code)) }

    package static let addressInUse = IOError(code: UV_EADDRINUSE.rawValue)
    package static let busy = IOError(code: UV_EBUSY.rawValue)
    package static let exists = IOError(code: UV_EEXIST.rawValue)

    /// Of the system call that has just failed.
    static var last: IOError { IOError(code: switchboard_last_error()) }

    /// Passes a result through, or throws when it is an error.
    @discardableResult
    static func check(_ result: Int32) throws(IOError) -> Int32 {
        if result < 0 { throw IOError(code: result) }
        return result
    }
}
