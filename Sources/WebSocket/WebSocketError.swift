/// Why a client's bytes were refused. The connection can't be decoded any further.
package enum WebSocketError: Error, Equatable, CaseIterable, Sendable {
    case reservedBits
    case reservedOpcode
    case notMasked
    case fragmentedControl
    case controlTooLong
    case lengthNotMinimal
    case lengthOutOfRange
    case nothingToContinue
    case messageUnfinished
    case shortClose
    case invalidCloseCode
    case invalidUTF8
    case messageTooLong
    case notDeflated

    /// The code to close the connection with (RFC 6455, section 7.4.1).
    package var closeCode: CloseCode {
        switch self {
        case .reservedBits, .reservedOpcode, .notMasked, .fragmentedControl, .controlTooLong, .lengthNotMinimal,
            .lengthOutOfRange, .nothingToContinue, .messageUnfinished, .shortClose, .invalidCloseCode, .notDeflated:
            .protocolError
        case .invalidUTF8: .invalidPayload
        case .messageTooLong: .messageTooBig
        }
    }

    /// A few words of ASCII for the close frame and the log.
    package var reason: String {
        switch self {
        case .reservedBits: "reserved bits are set"
        case .reservedOpcode: "reserved opcode"
        case .notMasked: "frame is not masked"
        case .fragmentedControl: "control frame is fragmented"
        case .controlTooLong: "control frame is too long"
        case .lengthNotMinimal: "length is not minimally encoded"
        case .lengthOutOfRange: "length exceeds 63 bits"
        case .nothingToContinue: "no message to continue"
        case .messageUnfinished: "previous message is unfinished"
        case .shortClose: "close code is cut short"
        case .invalidCloseCode: "invalid close code"
        case .invalidUTF8: "text is not UTF-8"
        case .messageTooLong: "message is too long"
        case .notDeflated: "compressed data is malformed"
        }
    }
}
