import HTTP
import Testing

@Suite struct ResponseTests {
    private let noon = HTTPDate(secondsSince1970: 784_111_777)

    private func text(_ response: Response, keepAlive: Bool = true, headOnly: Bool = false, date: HTTPDate? = nil)
        -> String
    {
        String(decoding: response.encoded(keepAlive: keepAlive, headOnly: headOnly, date: date), as: UTF8.self)
    }

    /// What every answer tells browsers, besides that it is not to be kept.
    private let policies = """
        Content-Security-Policy: default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
        frame-ancestors 'none'\r
        Cross-Origin-Resource-Policy: same-origin\r
        Referrer-Policy: no-referrer
        """

    @Test("a response may have policies of its own", arguments: ["Cache-Control", "content-security-policy"])
    func policies(name: String) {
        let lines = text(Response(.ok, headers: [(name, "its own")])).split(separator: "\r\n")
        #expect(lines.filter { $0.lowercased().hasPrefix(name.lowercased()) } == ["\(name): its own"])
    }

    @Test("JSON goes out with its length and may not be cached")
    func json() {
        #expect(
            text(.json(.ok, Array("{}".utf8), headers: [("X-One", "1")]), date: noon) == """
                HTTP/1.1 200 OK\r
                Content-Type: application/json\r
                Cache-Control: no-store\r
                X-One: 1\r
                Date: Sun, 06 Nov 1994 08:49:37 GMT\r
                X-Content-Type-Options: nosniff\r
                \(policies)\r
                Connection: keep-alive\r
                Content-Length: 2\r
                \r
                {}
                """)
    }

    @Test(
        "who names a protocol to upgrade to names it in Connection as well (RFC 9110, section 7.8)",
        arguments: [true, false])
    func upgrade(_ keepAlive: Bool) {
        let response = Response(.upgradeRequired, headers: [("Upgrade", "websocket")])
        let lines = text(response, keepAlive: keepAlive).split(separator: "\r\n")
        #expect(lines.contains("Connection: \(keepAlive ? "keep-alive" : "close"), Upgrade"))
        #expect(lines.filter { $0.hasPrefix("Connection:") }.count == 1)
    }

    @Test("HEAD gets the head alone, with the length of the body")
    func headOnly() {
        let response = Response(.notFound, body: [1, 2, 3])
        #expect(
            text(response, keepAlive: false, headOnly: true) == """
                HTTP/1.1 404 Not Found\r
                X-Content-Type-Options: nosniff\r
                Cache-Control: no-store\r
                \(policies)\r
                Connection: close\r
                Content-Length: 3\r
                \r

                """)
    }

    @Test("a 101 has its own Connection and no length")
    func switching() {
        let response = Response(
            .switchingProtocols,
            headers: [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Content-Length", "5")],
            body: [1])
        #expect(
            text(response) == """
                HTTP/1.1 101 Switching Protocols\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                \r

                """)
    }

    @Test("a 204 has neither body nor length")
    func noContent() {
        #expect(
            text(Response(.noContent, body: [1])) == """
                HTTP/1.1 204 No Content\r
                X-Content-Type-Options: nosniff\r
                Cache-Control: no-store\r
                \(policies)\r
                Connection: keep-alive\r
                \r

                """)
    }

    @Test(
        "framing can't be given as a header",
        arguments: ["Content-Length", "TRANSFER-ENCODING", "connection", "Date", "x-content-type-options", ""])
    func ownHeaders(name: String) {
        let response = Response(.ok, headers: [(name, "evil")])
        #expect(!text(response, date: noon).contains("evil"))
    }

    @Test(
        "a header can't end its line",
        arguments: [
            ("X", "a\r\nSet-Cookie: b", "X: a  Set-Cookie: b"),
            ("X", "a\nb\rc\0d\u{B}e\u{7F}f", "X: a b c d e f"),
            ("X", "tab\tand é", "X: tab\tand é"),
            ("X\r\nSet-Cookie: a", "b", "X--Set-Cookie--a: b"),
            ("X Y\0é", "b", "X-Y---: b"),
        ])
    func injection(name: String, value: String, line: String) {
        let lines = text(Response(.ok, headers: [(name, value)])).split(
            separator: "\r\n", omittingEmptySubsequences: false)
        #expect(lines[1] == line)
        #expect(lines.count == 11)
    }

    @Test(
        "an error is a small JSON object",
        arguments: [
            ("Not here.", "Not here."), (#"a "b" \c"#, #"a \"b\" \\c"#), ("a\n\u{1F}\u{0}", #"a\u000a\u001f\u0000"#),
            ("café 🐟\u{7F}", "café 🐟\u{7F}"),
        ])
    func errors(message: String, escaped: String) {
        let response = Response.error(.conflict, message)
        #expect(String(decoding: response.body, as: UTF8.self) == #"{"status":"error","message":""# + escaped + #""}"#)
        #expect(response.status == .conflict)
    }

    @Test("an error of the decoder becomes a response")
    func decoderError() {
        let response = Response.error(HTTPError(.uriTooLong, "Too long."))
        #expect(response.status == .uriTooLong)
        #expect(String(decoding: response.body, as: UTF8.self) == #"{"status":"error","message":"Too long."}"#)
    }

    @Test("every status has three digits and a phrase of its own")
    func statuses() {
        #expect(Status.allCases.allSatisfy { 100...599 ~= $0.code })
        #expect(Set(Status.allCases.map(\.phrase)).count == Status.allCases.count)
        #expect(text(Response(.headerFieldsTooLarge)).hasPrefix("HTTP/1.1 431 Request Header Fields Too Large\r\n"))
    }

    @Test(
        "dates are written in the one form of HTTP",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"), (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 GMT"),
            (1_767_225_600, "Thu, 01 Jan 2026 00:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"), (.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ])
    func dates(seconds: Int, text: String) {
        #expect(HTTPDate(secondsSince1970: seconds).text == text)
    }
}
