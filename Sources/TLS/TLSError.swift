internal import CLibSSL

/// Why certificates or a key can't be used, in one line that names the file and never what is in a key.
package struct TLSFileError: Error, Equatable, CustomStringConvertible {
    package let path: String
    package let reason: String

    package init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    package var description: String { "\(path): \(reason)" }
}

/// Why a session ended in the middle.
package enum TLSError: Error, Equatable, CustomStringConvertible {
    /// The peer speaks plain HTTP.
    case plainHTTP
    /// More came than a handshake needs.
    case handshakeTooLong
    /// What OpenSSL says.
    case failed(String)

    package var description: String {
        switch self {
        case .plainHTTP: "plain HTTP"
        case .handshakeTooLong: "the handshake is too long"
        case .failed(let reason): reason
        }
    }

    /// The first reason that this thread's queue of errors holds.
    static func fromQueue() -> String {
        guard let reason = unsafe ERR_reason_error_string(ERR_peek_error()) else { return "unknown error" }
        return unsafe String(cString: reason)
    }
}
