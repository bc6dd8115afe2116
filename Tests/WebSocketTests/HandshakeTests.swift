import Testing
import WebSocket

@Suite struct HandshakeTests {
    /// The opening of RFC 6455, section 1.3, in which a test changes what it is about.
    struct Request {
        var method = "GET"
        var isHTTP11 = true
        var upgrade: String? = "websocket"
        var connection: String? = "Upgrade"
        var key: String? = "dGhlIHNhbXBsZSBub25jZQ=="
        var version: String? = "13"

        init(_ change: (inout Request) -> Void = { _ in }) { change(&self) }

        func handshake() throws(HandshakeError) -> Handshake {
            try Handshake(
                method: method, isHTTP11: isHTTP11, upgrade: upgrade, connection: connection, key: key,
                version: version)
        }
    }

    @Test("the example of RFC 6455, section 1.3, is answered as there")
    func example() throws {
        let response = """
            HTTP/1.1 101 Switching Protocols\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
            Sec-WebSocket-Protocol: chat\r
            \r

            """
        let handshake = try Request().handshake()
        #expect(String(decoding: handshake.accept, as: UTF8.self) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(String(decoding: handshake.response(subprotocol: "chat"), as: UTF8.self) == response)
        let plain = response.replacing("Sec-WebSocket-Protocol: chat\r\n", with: "")
        #expect(String(decoding: handshake.response(), as: UTF8.self) == plain)
    }

    @Test("another key gets another answer")
    func otherKey() throws {
        let handshake = try Request { $0.key = "x3JJHMbDL1EzLkh9GBhXDw==" }.handshake()
        #expect(String(decoding: handshake.accept, as: UTF8.self) == "HSmrc0sMlYUkAGmm5OPpG2HaGWk=")
    }

    static let upgrades = [
        "websocket", "WebSocket", "WEBSOCKET", "h2c, websocket", "websocket,h2c", "a,\t websocket\t ,b",
    ]
    static let connections = [
        "Upgrade", "upgrade", "UPGRADE", "keep-alive, Upgrade", "Upgrade,keep-alive", " \tupgrade ", ",,upgrade",
    ]

    @Test("tokens are found in either case and in lists", arguments: upgrades, connections)
    func tokens(_ upgrade: String, _ connection: String) {
        let request = Request {
            $0.upgrade = upgrade
            $0.connection = connection
        }
        #expect(throws: Never.self) { try request.handshake() }
    }

    @Test(
        "keys of 16 bytes pass",
        arguments: ["AAAAAAAAAAAAAAAAAAAAAA==", "+/+/+/+/+/+/+/+/+/+/+g==", "zzzzzzzzzzzzzzzzzzzzzz=="])
    func keys(_ key: String) {
        #expect(throws: Never.self) { try Request { $0.key = key }.handshake() }
    }

    static let refused: [(name: String, request: Request, error: HandshakeError)] =
        [
            ("POST", Request { $0.method = "POST" }, .notGet),
            ("a method in lower case", Request { $0.method = "get" }, .notGet),
            ("HTTP/1.0", Request { $0.isHTTP11 = false }, .notHTTP11),
            ("an ordinary GET", Request { ($0.upgrade, $0.connection) = (nil, nil) }, .notAnUpgrade),
            ("no Connection", Request { $0.connection = nil }, .wrongConnection),
            ("no version", Request { $0.version = nil }, .wrongVersion),
            ("no key", Request { $0.key = nil }, .wrongKey),
        ]
        + ["", "h2c", "websockets", "web socket", "xwebsocket", "websocket/13", "wébsocket"].map { (value: String) in
            ("Upgrade: \(value)", Request { $0.upgrade = value }, .wrongUpgrade)
        }
        + ["", "keep-alive", "close", "upgrades", "keep-alive Upgrade", ","].map { (value: String) in
            ("Connection: \(value)", Request { $0.connection = value }, .wrongConnection)
        }
        + ["", "8", "0", "12", "14", "013", "13, 8", "thirteen"].map { (value: String) in
            ("version \(value)", Request { $0.version = value }, .wrongVersion)
        }
        + [
            "", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===",
            "dGhlIHNhbXBsZSBub25jZTE=", "dGhlIHNhbXBsZSBub25jZTEy", "dGhlIHNhbXBsZSBub25jZ===",
            "dGhlIHNhbXBsZSBub25j-_==", "dGhlIHNhbXBsZSBub25j Q==", "dGhlIHNhbXBsZSBub25jZQ==, a",
            "=GhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jé==",
        ].map { (value: String) in
            ("key \(value)", Request { $0.key = value }, .wrongKey)
        }

    @Test("a request that opens no WebSocket says why", arguments: refused)
    func refusals(_ name: String, _ request: Request, _ error: HandshakeError) {
        #expect(throws: error) { try request.handshake() }
    }

    static let statuses: [(HandshakeError, Int, [String])] = [
        (.notGet, 405, ["Allow: GET"]),
        (.notHTTP11, 400, []),
        (.notAnUpgrade, 426, ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]),
        (.wrongUpgrade, 400, []),
        (.wrongConnection, 400, []),
        (.wrongVersion, 426, ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]),
        (.wrongKey, 400, []),
        (.hasBody, 400, []),
    ]

    @Test("each refusal has its HTTP answer", arguments: statuses)
    func answer(_ error: HandshakeError, _ status: Int, _ headers: [String]) {
        #expect(error.status == status)
        #expect(error.headers.map { "\($0.name): \($0.value)" } == headers)
        #expect(!error.reason.isEmpty)
    }
}
