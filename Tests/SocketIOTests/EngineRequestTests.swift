import SocketIO
import Testing

@Suite struct EngineRequestTests {
    private func read(
        _ method: String = "GET", webSocket: Bool = false, transport: String? = "polling", version: String? = "4",
        sid: String? = nil, base64: String? = nil
    ) throws(EngineRequestError) -> EngineRequest {
        try EngineRequest(
            method: method, asksForWebSocket: webSocket, transport: transport, version: version, sid: sid,
            base64: base64)
    }

    @Test("a request opens a session, or is for one")
    func requests() throws {
        #expect(try read() == .open(.polling, base64: false))
        #expect(try read(webSocket: true, transport: "websocket") == .open(.webSocket, base64: false))
        #expect(try read(sid: "a") == .poll(sid: "a"))
        #expect(try read("POST", sid: "a") == .post(sid: "a"))
        #expect(
            try read(webSocket: true, transport: "websocket", sid: "a") == .openWebSocket(sid: "a", base64: false))
        #expect(try read(sid: "") == .open(.polling, base64: false))
        // A client may offer other protocols on any request.
        #expect(try read(webSocket: true, sid: "a") == .poll(sid: "a"))
    }

    @Test("a client may want base64", arguments: [("1", true), ("true", true), ("0", false), ("", false)])
    func base64(_ value: String, _ expected: Bool) throws {
        #expect(try read(base64: value) == .open(.polling, base64: expected))
    }

    @Test("a missing or unknown transport is refused", arguments: [nil, "", "abc", "POLLING", "webtransport"])
    func transport(_ transport: String?) {
        #expect(throws: EngineRequestError.unknownTransport) { try read(transport: transport) }
        #expect(throws: EngineRequestError.unknownTransport) { try read(transport: transport, sid: "a") }
    }

    @Test("a missing or unknown version is refused", arguments: [nil, "", "3", "5", "abc", "44"])
    func version(_ version: String?) {
        #expect(throws: EngineRequestError.unsupportedVersion) { try read(version: version) }
        #expect(throws: EngineRequestError.unsupportedVersion) { try read("POST", version: version, sid: "a") }
        #expect(throws: EngineRequestError.unsupportedVersion) {
            try read(webSocket: true, transport: "websocket", version: version)
        }
    }

    @Test("only a GET opens a session", arguments: ["POST", "PUT", "DELETE", "HEAD", "get"])
    func method(_ method: String) {
        #expect(throws: EngineRequestError.badHandshakeMethod) { try read(method) }
    }

    @Test("a session has GETs and POSTs, and websockets")
    func mismatch() {
        for method in ["PUT", "HEAD", "OPTIONS"] {
            #expect(throws: EngineRequestError.badRequest) { try read(method, sid: "a") }
        }
        #expect(throws: EngineRequestError.badRequest) { try read(transport: "websocket") }
        #expect(throws: EngineRequestError.badRequest) { try read(transport: "websocket", sid: "a") }
        #expect(throws: EngineRequestError.badRequest) { try read("POST", transport: "websocket", sid: "a") }
    }

    static let answers: [(error: EngineRequestError, status: Int, body: String)] = [
        (.unknownTransport, 400, #"{"code":0,"message":"Transport unknown"}"#),
        (.unknownSession, 400, #"{"code":1,"message":"Session ID unknown"}"#),
        (.badHandshakeMethod, 400, #"{"code":2,"message":"Bad handshake method"}"#),
        (.badRequest, 400, #"{"code":3,"message":"Bad request"}"#),
        (.forbidden, 403, #"{"code":4,"message":"Forbidden"}"#),
        (.unsupportedVersion, 400, #"{"code":5,"message":"Unsupported protocol version"}"#),
    ]

    @Test("each refusal has its answer", arguments: answers)
    func answer(_ error: EngineRequestError, _ status: Int, _ body: String) {
        #expect(error.status == status)
        #expect(String(error.body) == body)
    }

    @Test("no refusal is without one")
    func complete() {
        #expect(Self.answers.map(\.error) == EngineRequestError.allCases)
    }
}
