import JSON
import SocketIO

// libFuzzer calls from one thread only.
nonisolated(unsafe) private let parser = JSONParser(maximumLength: 4096)

/// What is granted is what the query says, and whoever asks wrongly is told so in JSON.
///
/// - Parameter input: A line each for the method, `w` for a websocket's handshake, and the transport, the version, the
///   session and `b64` of the query; those that are missing at the end are missing in the query.
func readRequest(_ input: [UInt8]) {
    let lines = input.split(separator: UInt8(ascii: "\n"), maxSplits: 5, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    let value = { (index: Int) in index < lines.count ? lines[index] : nil }
    let (method, asksForWebSocket) = (lines[0], value(1) == "w")
    let (transport, version, sid, base64) = (value(2), value(3), value(4), value(5))
    do throws(EngineRequestError) {
        let request = try EngineRequest(
            method: method, asksForWebSocket: asksForWebSocket, transport: transport, version: version, sid: sid,
            base64: base64)
        precondition(version == "4", "another version is spoken")
        let hasSession = sid.map { !$0.isEmpty } ?? false
        let wanted: (transport: String, method: String, sid: String?)
        switch request {
        case .open(.polling, _): wanted = ("polling", "GET", nil)
        case .open(.webSocket, _): wanted = ("websocket", "GET", nil)
        case .poll(let sid): wanted = ("polling", "GET", sid)
        case .post(let sid): wanted = ("polling", "POST", sid)
        case .openWebSocket(let sid, _): wanted = ("websocket", "GET", sid)
        }
        precondition(transport == wanted.transport && method == wanted.method, "something else was asked for")
        precondition(transport == "polling" || asksForWebSocket, "a websocket without a handshake")
        precondition(hasSession == (wanted.sid != nil), "a session out of nothing, or one that was forgotten")
        // By bytes: names that look alike are two names.
        if let named = wanted.sid { precondition(sid.map { $0.utf8.elementsEqual(named.utf8) } == true) }
        switch request {
        case .open(_, base64: true), .openWebSocket(_, base64: true):
            precondition(base64.map { !$0.isEmpty } ?? false, "base64 that nobody asked for")
        case .open(_, base64: false), .openWebSocket(_, base64: false):
            precondition(base64.map { ["", "0", "false"].contains($0) } ?? true, "base64 was refused")
        case .poll, .post: break
        }
    } catch {
        precondition((400..<500).contains(error.status))
        let body = error.body
        let answer = try? unsafe parser.parse(body.span)
        precondition(answer?[key: "code"]?.int64 == Int64(error.rawValue) && answer?[key: "message"]?.string != nil)
        switch error {
        case .unknownTransport: precondition(transport != "polling" && transport != "websocket")
        case .unsupportedVersion: precondition(version != "4")
        case .badHandshakeMethod: precondition(method != "GET" && (sid ?? "").isEmpty)
        case .badRequest:
            precondition(
                transport == "websocket" ? method != "GET" || !asksForWebSocket : !["GET", "POST"].contains(method))
        case .unknownSession, .forbidden: preconditionFailure("\(error) is not for a query to say")
        }
    }
}
