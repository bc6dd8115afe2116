/// What carries packets.
package enum EngineTransport: Sendable {
    case polling, webSocket
}

/// What an HTTP request to the path of Engine.IO asks for.
package enum EngineRequest: Equatable, Sendable {
    /// A new session. `base64` tells that the client takes no binary messages of a websocket.
    case open(EngineTransport, base64: Bool)
    /// What waits for the session's client, or will.
    case poll(sid: String)
    /// A payload for the session.
    case post(sid: String)
    /// A websocket for a session that is there already.
    case openWebSocket(sid: String, base64: Bool)

    /// Reads the query's values, each `nil` where the name is missing.
    ///
    /// - Parameters:
    ///   - method: As in the request line.
    ///   - asksForWebSocket: Whether the request is the opening handshake of a websocket.
    ///   - version: `EIO`
    ///   - base64: `b64`
    package init(
        method: String, asksForWebSocket: Bool, transport: String?, version: String?, sid: String?, base64: String?
    ) throws(EngineRequestError) {
        let carrier: EngineTransport
        switch transport {
        case "polling": carrier = .polling
        case "websocket": carrier = .webSocket
        default: throw .unknownTransport
        }
        let sid = sid ?? ""
        if sid.isEmpty, method != "GET" { throw .badHandshakeMethod }
        guard version == "4" else { throw .unsupportedVersion }
        let wantsBase64 = base64.map { !["", "0", "false"].contains($0) } ?? false
        switch (carrier, method) {
        case (.polling, "GET"): self = sid.isEmpty ? .open(.polling, base64: wantsBase64) : .poll(sid: sid)
        case (.polling, "POST"): self = .post(sid: sid)
        case (.webSocket, "GET") where asksForWebSocket:
            self = sid.isEmpty ? .open(.webSocket, base64: wantsBase64) : .openWebSocket(sid: sid, base64: wantsBase64)
        case (.polling, _), (.webSocket, _): throw .badRequest
        }
    }
}

/// Why a request was refused; the raw value is the code in the answer.
package enum EngineRequestError: Int, Error, CaseIterable, Sendable {
    case unknownTransport
    case unknownSession
    case badHandshakeMethod
    case badRequest
    case forbidden
    case unsupportedVersion

    /// The status to answer with.
    package var status: Int { self == .forbidden ? 403 : 400 }

    package var message: String {
        switch self {
        case .unknownTransport: "Transport unknown"
        case .unknownSession: "Session ID unknown"
        case .badHandshakeMethod: "Bad handshake method"
        case .badRequest: "Bad request"
        case .forbidden: "Forbidden"
        case .unsupportedVersion: "Unsupported protocol version"
        }
    }

    /// The body of the answer, JSON.
    package var body: [UInt8] { Array(#"{"code":\#(rawValue),"message":"\#(message)"}"#.utf8) }
}
