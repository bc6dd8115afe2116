/// One response, before it becomes bytes.
package struct Response: Sendable {
    package typealias Header = (name: String, value: String)

    package var status: Status
    /// Fields beside those that ``encoded(keepAlive:headOnly:date:)`` writes itself.
    package var headers: [Header]
    package var body: [UInt8]

    package init(_ status: Status, headers: [Header] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A response whose body is JSON that no cache may keep.
    package static func json(_ status: Status, _ body: [UInt8], headers: [Header] = []) -> Response {
        let own: [Header] = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        return Response(status, headers: own + headers, body: body)
    }

    /// A refusal with the body `{"status":"error","message":"…"}`.
    package static func error(_ status: Status, _ message: String, headers: [Header] = []) -> Response {
        var body = Array(#"{"status":"error","message":""#.utf8)
        for byte in message.utf8 { body.append(escaping: byte) }
        body.append(text: #""}"#)
        return .json(status, body, headers: headers)
    }

    /// The answer to a peer whose bytes were refused.
    package static func error(_ error: HTTPError) -> Response { .error(error.status, error.reason) }

    /// The response as it goes on the wire (RFC 9112, section 4).
    ///
    /// It writes Content-Length, Connection, Date and `X-Content-Type-Options: nosniff` itself and skips those
    /// (and Transfer-Encoding) in ``headers``, so that framing can't contradict the body. What browsers are to make of
    /// it otherwise (``protection``) it writes as well, where ``headers`` do not say. Connection names Upgrade where that is
    /// there (RFC 9110, section 7.8). A 101 is the exception: its Connection comes from ``headers`` and it gets no other.
    /// A 101 and a 204 have no body.
    ///
    /// No header can end its line or start another: in a value every control character but the tab becomes a
    /// space, in a name every byte that is not a token character becomes `-`; one without a name is skipped.
    ///
    /// - Parameters:
    ///   - keepAlive: Whether the connection stays open; said in every response but a 101.
    ///   - headOnly: For HEAD: the body is counted and left out.
    ///   - date: The time of the response; `nil` leaves Date out.
    package func encoded(keepAlive: Bool, headOnly: Bool = false, date: HTTPDate? = nil) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(512 + headers.count * 32 + (headOnly ? 0 : body.count))
        out.append(text: "HTTP/1.1 ")
        out.append(text: String(status.code))
        out.append(.space)
        out.append(text: status.phrase)
        out.append(text: "\r\n")
        for header in headers where !isOwn(header.name) {
            out.append(header: header.name, header.value)
        }
        if let date { out.append(header: "Date", date.text) }
        if status != .switchingProtocols {
            out.append(text: "X-Content-Type-Options: nosniff\r\n")
            for header in Self.protection where !isGiven(header.name) { out += header.line }
            out.append(text: keepAlive ? "Connection: keep-alive" : "Connection: close")
            out.append(text: isGiven("Upgrade") ? ", Upgrade\r\n" : "\r\n")
        }
        if status.hasContent { out.append(text: "Content-Length: \(body.count)\r\n") }
        out.append(text: "\r\n")
        if status.hasContent, !headOnly { out.append(contentsOf: body) }
        return out
    }

    /// What keeps a browser from doing more with an answer than showing it: nothing in it runs, loads or is framed,
    /// no cache keeps it, no page of another site gets it unless by CORS, and where it leads hears nothing of its URL,
    /// in which a token may stand. A page that is open here may connect to this server from its console.
    private static let protection: [(name: String, line: [UInt8])] = [
        ("Cache-Control", "no-store"),
        (
            "Content-Security-Policy",
            "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Referrer-Policy", "no-referrer"),
    ].map { ($0, Array("\($0): \($1)\r\n".utf8)) }

    private func isGiven(_ name: String) -> Bool {
        headers.contains { $0.name.utf8.count == name.utf8.count && $0.name.lowercased() == name.lowercased() }
    }

    /// What ``RequestDecoder/Step/sendContinue`` asks for.
    package static let continueBytes = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    private func isOwn(_ name: String) -> Bool {
        switch name.utf8.count {
        case 0: true
        case 4: name.lowercased() == "date"
        case 10: status != .switchingProtocols && name.lowercased() == "connection"
        case 14: name.lowercased() == "content-length"
        case 17: name.lowercased() == "transfer-encoding"
        case 22: name.lowercased() == "x-content-type-options"
        default: false
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(header name: String, _ value: String) {
        let token = ASCIISet.token
        append(name, replacingWith: UInt8(ascii: "-")) { !token.contains($0) }
        append(text: ": ")
        append(value, replacingWith: .space) { $0.isControl }
        append(text: "\r\n")
    }

    @inline(__always)
    private mutating func append(_ text: String, replacingWith stand: UInt8, where isBad: (UInt8) -> Bool) {
        let start = count
        append(text: text)
        for index in start..<count where isBad(self[index]) { self[index] = stand }
    }

    /// Adds one byte of a string in JSON (RFC 8259, section 7).
    fileprivate mutating func append(escaping byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            append(UInt8(ascii: "\\"))
            append(byte)
        case 0..<0x20:
            append(text: byte < 0x10 ? "\\u000" : "\\u00")
            append(text: String(byte, radix: 16))
        default:
            append(byte)
        }
    }
}
