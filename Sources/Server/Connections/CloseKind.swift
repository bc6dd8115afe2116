import WebSocket

/// How a WebSocket was closed, as the metrics tell it apart: peers may choose from thousands of codes.
enum CloseKind: Int, CaseIterable, Sendable {
    case code1000, code1001, code1002, code1003, code1005, code1006, code1007, code1008, code1009, code1011, code1012
    case code1013, code4003, code4004, other

    init(_ code: CloseCode) {
        self =
            switch code.rawValue {
            case 1000: .code1000
            case 1001: .code1001
            case 1002: .code1002
            case 1003: .code1003
            case 1005: .code1005
            case 1006: .code1006
            case 1007: .code1007
            case 1008: .code1008
            case 1009: .code1009
            case 1011: .code1011
            case 1012: .code1012
            case 1013: .code1013
            case 4003: .code4003
            case 4004: .code4004
            default: .other
            }
    }

    var label: String { self == .other ? "other" : String("\(self)".dropFirst(4)) }
}
