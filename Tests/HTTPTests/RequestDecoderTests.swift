import HTTP
import Testing

/// Streams of whole requests, and the bodies that they must yield.
let validStreams: [(text: String, bodies: [String])] = [
    ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", [""]),
    ("GET / HTTP/1.0\r\n\r\n", [""]),
    ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n", ["", ""]),
    ("OPTIONS * HTTP/1.1\r\nHost:\r\nX-Empty: \t \r\n\r\n", [""]),
    ("GET http://example.org:80/x%20y?q=%2F HTTP/1.1\r\nHost: other\r\nX-Tab:\ta\tb\t\r\n\r\n", [""]),
    ("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", ["hello"]),
    ("POST /a HTTP/1.0\r\nContent-Length: 2\r\n\r\n\r\n", ["\r\n"]),
    ("POST /a HTTP/1.1\r\nHost: a\r\ncontent-length: 0003\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n", ["abc", ""]),
    ("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n", [""]),
    ("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\nok", ["ok"]),
    ("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [""]),
    (
        "POST /a HTTP/1.1\r\nHost: a\r\ntransfer-encoding:\tChunked\t\r\n\r\n"
            + "5\r\nhello\r\n00c;a=\"b\";c\r\n, big\r\nworld\r\n0;x\r\nTrailer: t\r\nOther:\r\n\r\n"
            + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n",
        ["hello, big\r\nworld", ""]
    ),
    (
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0000000000000002\r\n\r\n\r\n0\r\n\r\n"
            + "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nb\r\n"
            + "PATCH /c HTTP/1.1\r\nHost: [::1]:8000\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n",
        ["\r\n", "b", "c"]
    ),
    (
        "GET /ws/v1/chat/?token=abc HTTP/1.1\r\nHost: localhost:8000\r\nUpgrade: websocket\r\n"
            + "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        [""]
    ),
]

@Suite struct RequestDecoderTests {
    @Test("a request can be looked at before its body is there")
    func unfinished() throws {
        var decoder = RequestDecoder()
        decoder.append(Array("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n".utf8).span)
        #expect(try decoder.next() == .needMoreHead)
        #expect(decoder.unfinishedRequest == nil)
        decoder.append(Array("\r\nb".utf8).span)
        #expect(try decoder.next() == .needMoreBody)
        #expect(decoder.unfinishedRequest?.rawPath == "/a")
        #expect(decoder.unfinishedRequest?.body == [])
        decoder.append(Array("c".utf8).span)
        #expect(try decoder.next() != .needMoreBody)
        #expect(decoder.unfinishedRequest == nil)
    }

    @Test("a stream fed whole yields its requests", arguments: validStreams)
    func whole(text: String, bodies: [String]) {
        let outcome = Outcome(of: text)
        #expect(outcome.requests.map(\.bodyText) == bodies)
        #expect(outcome.end == .needMoreHead)
    }

    @Test("a stream cut anywhere, or into bytes, yields the same", arguments: validStreams.map(\.text))
    func cut(text: String) {
        let bytes = Array(text.utf8)
        let whole = Outcome(of: [bytes])
        for cut in 0...bytes.count {
            #expect(Outcome(of: [Array(bytes[..<cut]), Array(bytes[cut...])]) == whole, "cut at \(cut)")
        }
        #expect(Outcome(byteByByte: bytes) == whole)
    }

    @Test("a request's prefixes only need more", arguments: validStreams.filter { $0.bodies.count == 1 }.map(\.text))
    func prefixes(text: String) {
        let bytes = Array(text.utf8)
        for length in 0..<bytes.count {
            let outcome = Outcome(of: [Array(bytes[..<length])])
            #expect(outcome.requests.isEmpty && outcome.status == nil, "\(length) bytes")
        }
    }

    @Test("what is missing is told apart")
    func missing() {
        #expect(Outcome(of: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r").end == .needMoreHead)
        #expect(Outcome(of: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na").end == .needMoreBody)
        #expect(Outcome(of: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1").end == .needMoreBody)
    }

    @Test("pipelined requests come out one by one, in order")
    func pipelining() throws {
        var decoder = RequestDecoder()
        let texts = (0..<50).map { "PUT /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\($0 + 10)" }
        decoder.append(Array(texts.joined().utf8).span)
        for number in 0..<50 {
            guard case .request(let request) = try decoder.next() else { throw Unexpected(outcome: Outcome(of: [])) }
            #expect(request.rawPath == "/\(number)")
            #expect(request.bodyText == "\(number + 10)")
        }
        #expect(try decoder.next() == .needMoreHead)
        #expect(decoder.isIdle)
    }

    @Test(
        "100 Continue is asked for once, when the body is awaited",
        arguments: ["Content-Length: 2", "Transfer-Encoding: chunked"])
    func continues(framing: String) throws {
        var decoder = RequestDecoder()
        let head = "POST / HTTP/1.1\r\nHost: a\r\n\(framing)\r\nExpect: 100-continue\r\n\r\n"
        decoder.append(Array(head.utf8).span)
        #expect(try decoder.next() == .sendContinue)
        #expect(try decoder.next() == .needMoreBody)
        decoder.append(Array((framing.hasSuffix("2") ? "ok" : "2\r\nok\r\n0\r\n\r\n").utf8).span)
        guard case .request(let request) = try decoder.next() else { throw Unexpected(outcome: Outcome(of: head)) }
        #expect(request.bodyText == "ok")
        #expect(request.expectsContinue)
    }

    @Test(
        "100 Continue is not asked for without need",
        arguments: [
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\no",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
            "POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
        ])
    func doesNotContinue(text: String) throws {
        var decoder = RequestDecoder()
        decoder.append(Array(text.utf8).span)
        #expect(try decoder.next() != .sendContinue)
    }

    @Test("idle means that nothing of a next request is there")
    func idle() throws {
        var decoder = RequestDecoder()
        func feed(_ text: String) throws -> RequestDecoder.Step {
            decoder.append(Array(text.utf8).span)
            return try decoder.next()
        }
        #expect(decoder.isIdle)
        #expect(try feed("\r") == .needMoreHead)
        #expect(!decoder.isIdle)
        #expect(try feed("\n") == .needMoreHead)
        #expect(decoder.isIdle)
        #expect(try feed("P") == .needMoreHead)
        #expect(!decoder.isIdle)
        #expect(try feed("OST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n") == .needMoreBody)
        #expect(!decoder.isIdle)
        guard case .request = try feed("a") else { throw Unexpected(outcome: Outcome(of: [])) }
        #expect(decoder.isIdle)
        #expect(throws: HTTPError.self) { try feed("\n") }
        #expect(!decoder.isIdle)
    }

    @Test("what follows an upgrade request is handed over", arguments: ["", "\u{1}\u{2}\n\0", "GET / HTTP/1.1\r\n"])
    func remainder(rest: String) throws {
        var decoder = RequestDecoder()
        let head = "GET /ws/ HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        decoder.append(Array((head + rest).utf8).span)
        guard case .request = try decoder.next() else { throw Unexpected(outcome: Outcome(of: head)) }
        #expect(decoder.takeRemainder() == Array(rest.utf8))
        #expect(decoder.takeRemainder() == [])
        #expect(decoder.bufferedByteCount == 0)
    }

    @Test("after an error there is no next request")
    func afterError() {
        var decoder = RequestDecoder()
        decoder.append(Array("GET / HTTP/2.0\r\n".utf8).span)
        #expect(throws: HTTPError.self) { try decoder.next() }
        decoder.append(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8).span)
        let error = #expect(throws: HTTPError.self) { try decoder.next() }
        #expect(error?.status == .versionNotSupported)
        #expect(decoder.bufferedByteCount == 0)
    }

    @Test("a bad byte is refused before its line is whole")
    func earlyRefusal() {
        #expect(Outcome(of: "\u{16}\u{3}\u{1}").status == .badRequest)
        #expect(Outcome(of: "GET /\n").status == .badRequest)
        #expect(Outcome(of: "GET / HTTP/1.1\r\nHost: a\r\nX: a\0").status == .badRequest)
    }

    @Test("no more is kept back than an unfinished line", arguments: [1, 7, 1000, 65_536])
    func buffering(readSize: Int) throws {
        let chunk = "000000000a\r\n0123456789\r\n"
        let chunked = "Transfer-Encoding: chunked\r\n\r\n" + String(repeating: chunk, count: 2_000)
        let plain = "Content-Length: 60000\r\n\r\n" + String(repeating: "x", count: 59_999)
        for (body, length) in [(chunked, chunk.utf8.count), (plain, 0)] {
            var decoder = RequestDecoder()
            let bytes = Array(("POST / HTTP/1.1\r\nHost: a\r\n" + body).utf8)
            for start in stride(from: 0, to: bytes.count, by: readSize) {
                decoder.append(bytes.span.extracting(start..<min(start + readSize, bytes.count)))
                let step = try decoder.next()
                #expect(step == .needMoreHead || (step == .needMoreBody && decoder.bufferedByteCount <= length))
            }
        }
    }
}
