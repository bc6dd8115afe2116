/// Why a request opens no WebSocket, and the HTTP answer that says so.
package enum HandshakeError: Error, Equatable, CaseIterable, Sendable {
    case notGet
    case notHTTP11
    /// An ordinary request for a path that serves WebSockets only.
    case notAnUpgrade
    case wrongUpgrade
    case wrongConnection
    case wrongVersion
    case wrongKey
    case hasBody

    /// The status of the response.
    package var status: Int {
        switch self {
        case .notGet: 405
        case .notHTTP11, .wrongUpgrade, .wrongConnection, .wrongKey, .hasBody: 400
        case .notAnUpgrade, .wrongVersion: 426
        }
    }

    /// What the response must carry besides: the method or the protocol to come back with
    /// (RFC 9110, sections 7.8, 15.5.6 and 15.5.22; RFC 6455, section 4.4).
    package var headers: [(name: String, value: String)] {
        switch self {
        case .notGet: [("Allow", "GET")]
        case .notAnUpgrade, .wrongVersion:
            [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
        case .notHTTP11, .wrongUpgrade, .wrongConnection, .wrongKey, .hasBody: []
        }
    }

    /// A few words for the body of the response.
    package var reason: String {
        switch self {
        case .notGet: "A WebSocket is opened with GET"
        case .notHTTP11: "A WebSocket is opened with HTTP/1.1"
        case .notAnUpgrade: "This path serves WebSockets only"
        case .wrongUpgrade: "Upgrade must name websocket"
        case .wrongConnection: "Connection must name Upgrade"
        case .wrongVersion: "Sec-WebSocket-Version must be 13"
        case .wrongKey: "Sec-WebSocket-Key must be 16 bytes in base64"
        case .hasBody: "A WebSocket is opened without a body"
        }
    }
}
