import Testing

@testable import HTTP

private let limits = HTTPLimits(head: 200, fieldCount: 3, body: 10)

private func answers(_ pieces: [String]) throws -> [ResponseDecoder.Answer] {
    var decoder = ResponseDecoder(limits: limits)
    var found: [ResponseDecoder.Answer] = []
    for piece in pieces {
        decoder.append(Array(piece.utf8).span)
        while let answer = try decoder.next() { found.append(answer) }
    }
    return found
}

@Suite struct ResponseDecoderTests {
    private let two =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
        + "Content-Length: 0\r\n\r\n"

    @Test("responses are found however their bytes are cut")
    func cuts() throws {
        for cut in 0...two.utf8.count {
            let found = try answers([String(two.prefix(cut)), String(two.dropFirst(cut))])
            #expect(found.map(\.response.status) == [.ok, .badRequest])
            #expect(found.map(\.response.body) == [Array("ok".utf8), []])
            #expect(found.map(\.keepsAlive) == [true, false])
        }
        #expect(try answers(two.map { String($0) }).count == 2)
    }

    @Test("what this program writes is read")
    func ownResponses() throws {
        let response = Response(.ok, headers: [("Content-Type", "text/plain")], body: Array("body".utf8))
        var decoder = ResponseDecoder(limits: HTTPLimits())
        decoder.append(response.encoded(keepAlive: true).span)
        let answer = try #require(try decoder.next())
        #expect(answer.response.body == response.body && answer.keepsAlive && decoder.isIdle)
        #expect(answer.response.headers.contains { $0.name == "content-type" && $0.value == "text/plain" })
    }

    @Test("what follows another protocol's beginning is not HTTP")
    func switching() throws {
        var decoder = ResponseDecoder(limits: limits)
        decoder.append(Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\u{1}\u{2}".utf8).span)
        let answer = try #require(try decoder.next())
        #expect(answer.response.status == .switchingProtocols && answer.response.body.isEmpty)
        #expect(decoder.takeRemainder() == [1, 2])
        #expect(decoder.isIdle)
    }

    @Test(
        "what has no clear end is refused, and what is too long",
        arguments: [
            "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 299 What\r\n\r\n",
            "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 20", "nonsense\r\n", "\r\n", "HTTP/1.1 200 OK\n",
            "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", "HTTP/1.1 200 OK\r\nno field\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: " + String(repeating: "x", count: 200),
        ])
    func refused(_ text: String) {
        #expect(throws: HTTPError.self) { try answers([text, "\r\n\r\n"]) }
    }
}
