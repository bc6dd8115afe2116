/// What a close frame carries (RFC 6455, section 5.5.1).
package struct ClosePayload: Equatable, Sendable {
    /// The longest reason that fits a control frame beside its code, in bytes.
    package static let maximumReasonLength = 123

    /// ``CloseCode/noneReceived`` when the frame has no payload.
    package let code: CloseCode
    /// Free text, never meant for the user.
    package let reason: String

    package init(_ code: CloseCode, reason: String = "") {
        self.code = code
        self.reason = reason
    }

    /// Reads the unmasked payload of one close frame.
    ///
    /// - Parameter bytes: Nothing, or a big-endian code and then the reason.
    /// - Throws: ``WebSocketError/shortClose``, ``WebSocketError/invalidCloseCode`` or ``WebSocketError/invalidUTF8``.
    package init(parsing bytes: Span<UInt8>) throws(WebSocketError) {
        if bytes.isEmpty {
            self.init(.noneReceived)
            return
        }
        guard bytes.count >= 2 else { throw .shortClose }
        let code = CloseCode(UInt16(bytes[0]) << 8 | UInt16(bytes[1]))
        guard code.mayBeSent else { throw .invalidCloseCode }
        guard let reason = try? UTF8Span(validating: bytes.extracting(2...)) else { throw .invalidUTF8 }
        self.init(code, reason: String(copying: reason))
    }

    /// The payload to send: at most 125 bytes, the reason cut between two scalars if it is too long;
    /// empty for ``CloseCode/noneReceived``.
    ///
    /// - Precondition: The code ``CloseCode/mayBeSent`` or is ``CloseCode/noneReceived``.
    package var encoded: [UInt8] {
        if code == .noneReceived { return [] }
        precondition(code.mayBeSent, "A close frame can't carry \(code.rawValue)")
        var bytes = [UInt8(code.rawValue >> 8), UInt8(truncatingIfNeeded: code.rawValue)]
        for scalar in reason.unicodeScalars {
            let encoding = UTF8.encode(scalar)!
            guard bytes.count + encoding.count <= 2 + Self.maximumReasonLength else { break }
            bytes += encoding
        }
        return bytes
    }
}
