import HTTP
import Testing

/// A refused stream and the status of the refusal.
typealias Refusal = (text: String, status: Status)

/// A POST with these lines after Host, then `rest`.
private func post(_ lines: String, _ rest: String = "") -> String {
    "POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n\(rest)"
}

private func chunked(_ body: String) -> String { post("Transfer-Encoding: chunked", body) }

private let requestLines: [Refusal] = [
    ("\r\n\r\nGET / HTTP/1.1", .badRequest),
    ("\n", .badRequest),
    (" GET / HTTP/1.1", .badRequest),
    ("GET  / HTTP/1.1", .badRequest),
    ("GET /  HTTP/1.1", .badRequest),
    ("GET / HTTP/1.1 ", .badRequest),
    ("GET\t/ HTTP/1.1", .badRequest),
    ("GET /a b HTTP/1.1", .badRequest),
    ("GET /", .badRequest),
    ("GET", .badRequest),
    ("GET ", .badRequest),
    ("GET / ", .badRequest),
    ("G(T / HTTP/1.1", .badRequest),
    ("GÉT / HTTP/1.1", .badRequest),
    ("GET a HTTP/1.1", .badRequest),
    ("GET a/b HTTP/1.1", .badRequest),
    ("GET ?a HTTP/1.1", .badRequest),
    ("GET * HTTP/1.1", .badRequest),
    ("OPTIONS ** HTTP/1.1", .badRequest),
    ("CONNECT a:80 HTTP/1.1", .badRequest),
    ("GET ftp://a/ HTTP/1.1", .badRequest),
    ("GET http:/a HTTP/1.1", .badRequest),
    ("GET http:// HTTP/1.1", .badRequest),
    ("GET http:///a HTTP/1.1", .badRequest),
    ("GET http://:80/ HTTP/1.1", .badRequest),
    ("GET http://user@a/ HTTP/1.1", .badRequest),
    ("GET /#top HTTP/1.1", .badRequest),
    ("GET /é HTTP/1.1", .badRequest),
    ("GET /\u{7F} HTTP/1.1", .badRequest),
    ("GET /% HTTP/1.1", .badRequest),
    ("GET /%2 HTTP/1.1", .badRequest),
    ("GET /%2?a=b HTTP/1.1", .badRequest),
    ("GET /%G0 HTTP/1.1", .badRequest),
    ("GET / http/1.1", .badRequest),
    ("GET / HTTP/1", .badRequest),
    ("GET / HTTP/1.10", .badRequest),
    ("GET / HTTP/11.", .badRequest),
    ("GET / HTTP/1,1", .badRequest),
    ("GET / HTTPS/1.1", .badRequest),
    ("GET / HTTP/x.1", .badRequest),
    ("GET / HTTP/2.0", .versionNotSupported),
    ("GET / HTTP/1.2", .versionNotSupported),
    ("GET / HTTP/0.9", .versionNotSupported),
    ("PRI * HTTP/2.0", .versionNotSupported),
]

private let fieldLines: [Refusal] = [
    (": value", .badRequest),
    ("Name", .badRequest),
    ("Name : value", .badRequest),
    ("Name\t: value", .badRequest),
    (" Name: value", .badRequest),
    ("\tName: value", .badRequest),
    ("Name: value\r\n folded", .badRequest),
    ("Name: value\r\n\tfolded", .badRequest),
    ("Na me: value", .badRequest),
    ("Na(me: value", .badRequest),
    ("Näme: value", .badRequest),
    ("Name: val\u{0}ue", .badRequest),
    ("Name: val\u{B}ue", .badRequest),
    ("Name: val\u{1B}ue", .badRequest),
    ("Name: val\u{7F}ue", .badRequest),
    ("Name: val\rue", .badRequest),
    ("Name: val\nue", .badRequest),
    ("Name: value\nOther: value", .badRequest),
    ("Name: value\r\r\nOther: value", .badRequest),
    ("Host: a", .badRequest),
    ("Host: b", .badRequest),
    ("Expect: 100-continue, x", .expectationFailed),
    ("Expect: later", .expectationFailed),
    ("Expect: 100-continue\r\nExpect: x", .expectationFailed),
]

private let hosts: [Refusal] = [
    ("GET / HTTP/1.1\r\n\r\n", .badRequest),
    ("GET http://a/ HTTP/1.1\r\n\r\n", .badRequest),
    ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", .badRequest),
    ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .badRequest),
    ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .badRequest),
    ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", .badRequest),
    ("GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", .badRequest),
    ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .badRequest),
    ("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", .badRequest),
    ("GET / HTTP/1.1\r\nHost: é\r\n\r\n", .badRequest),
]

/// Forms that two servers in a row have been known to read differently.
private let smuggling: [Refusal] = [
    // Both lengths, in either order.
    (post("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG"), .badRequest),
    (post("Transfer-Encoding: chunked\r\nContent-Length: 4", "0\r\n\r\n"), .badRequest),
    (post("Content-Length: 0\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), .badRequest),
    (post("Content-Length: 4\r\nTransfer-Encoding: identity", "abcd"), .badRequest),
    // Content-Length.
    (post("Content-Length: 5\r\nContent-Length: 5", "hello"), .badRequest),
    (post("Content-Length: 5\r\nContent-Length: 6", "hello"), .badRequest),
    (post("Content-Length: 0\r\ncontent-length: 5", "hello"), .badRequest),
    (post("Content-Length: 5, 5", "hello"), .badRequest),
    (post("Content-Length: 5 , 5", "hello"), .badRequest),
    (post("Content-Length: 5,", "hello"), .badRequest),
    (post("Content-Length:", "hello"), .badRequest),
    (post("Content-Length: +5", "hello"), .badRequest),
    (post("Content-Length: -5", "hello"), .badRequest),
    (post("Content-Length: 5 5", "hello"), .badRequest),
    (post("Content-Length: 0x5", "hello"), .badRequest),
    (post("Content-Length: 5.0", "hello"), .badRequest),
    (post("Content-Length: 1e1", "hello"), .badRequest),
    (post("Content-Length: 1_0", "hello"), .badRequest),
    (post("Content-Length: ٥", "hello"), .badRequest),
    (post("Content-Length: 9223372036854775808"), .badRequest),
    (post("Content-Length: 18446744073709551621"), .badRequest),
    (post("Content-Length: 99999999999999999999999999"), .badRequest),
    (post("Content-Length: \u{B}5", "hello"), .badRequest),
    (post("Content-Length : 5", "hello"), .badRequest),
    (post("Content-Length\u{0}: 5", "hello"), .badRequest),
    (post("Content-Length: 5\n", "hello"), .badRequest),
    // Transfer-Encoding.
    (post("Transfer-Encoding: xchunked"), .notImplemented),
    (post("Transfer-Encoding: chunkedx"), .notImplemented),
    (post("Transfer-Encoding: \"chunked\""), .notImplemented),
    (post("Transfer-Encoding: chunked;a=b"), .notImplemented),
    (post("Transfer-Encoding: chunked,"), .notImplemented),
    (post("Transfer-Encoding: ,chunked"), .notImplemented),
    (post("Transfer-Encoding: chunked, identity"), .notImplemented),
    (post("Transfer-Encoding: identity, chunked"), .notImplemented),
    (post("Transfer-Encoding: gzip, chunked"), .notImplemented),
    (post("Transfer-Encoding: gzip"), .notImplemented),
    (post("Transfer-Encoding: identity"), .notImplemented),
    (post("Transfer-Encoding:"), .notImplemented),
    (post("Transfer-Encoding: ch\u{E9}nked"), .notImplemented),
    (post("Transfer-Encoding: chun\u{212A}ed"), .notImplemented),  // The Kelvin sign for a K.
    (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), .notImplemented),
    (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x"), .notImplemented),
    (post("Transfer-Encoding: x\r\nTransfer-Encoding: chunked"), .notImplemented),
    (post("Transfer-Encoding:\u{B}chunked"), .badRequest),
    (post("Transfer-Encoding: chunked\u{0}"), .badRequest),
    (post("Transfer-Encoding : chunked"), .badRequest),
    (post("Transfer-Encoding\t: chunked"), .badRequest),
    (post(" Transfer-Encoding: chunked"), .badRequest),
    (post("X: y\nTransfer-Encoding: chunked"), .badRequest),
    (post("X: y\rTransfer-Encoding: chunked"), .badRequest),
    (post("Transfer-Encoding:\r\n chunked"), .badRequest),
    ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .badRequest),
    ("POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n", .badRequest),
    // The size of a chunk.
    (chunked("\r\n"), .badRequest),
    (chunked(";a\r\n"), .badRequest),
    (chunked(" 5\r\nhello\r\n"), .badRequest),
    (chunked("5 \r\nhello\r\n"), .badRequest),
    (chunked("5\t\r\nhello\r\n"), .badRequest),
    (chunked("5 ;a\r\nhello\r\n"), .badRequest),
    (chunked("+5\r\nhello\r\n"), .badRequest),
    (chunked("-5\r\nhello\r\n"), .badRequest),
    (chunked("-0\r\n\r\n"), .badRequest),
    (chunked("0x5\r\nhello\r\n"), .badRequest),
    (chunked("5h\r\nhello\r\n"), .badRequest),
    (chunked("g\r\nhello\r\n"), .badRequest),
    (chunked("5,5\r\nhello\r\n"), .badRequest),
    (chunked("00000000000000005\r\nhello\r\n"), .badRequest),
    (chunked("10000000000000005\r\nhello\r\n"), .badRequest),
    (chunked("ffffffffffffffff\r\n"), .contentTooLarge),
    (chunked("8000000000000000\r\n"), .contentTooLarge),
    (chunked("5\nhello\r\n"), .badRequest),
    (chunked("5\rhello\r\n"), .badRequest),
    (chunked("5;a\nhello\r\n"), .badRequest),
    (chunked("5;a\rb\r\nhello\r\n"), .badRequest),
    (chunked("5;a\u{0}\r\nhello\r\n"), .badRequest),
    (chunked("5;a\tb\r\nhello\r\n"), .badRequest),
    // The end of a chunk, and trailers.
    (chunked("5\r\nhello\n"), .badRequest),
    (chunked("5\r\nhello\r\r\n"), .badRequest),
    (chunked("5\r\nhello!\r\n"), .badRequest),
    (chunked("5\r\nhello0\r\n"), .badRequest),
    (chunked("5\r\nhello\r\n0\r\n\n"), .badRequest),
    (chunked("0\r\nGET / HTTP/1.1\r\n"), .badRequest),
    (chunked("0\r\nName : value\r\n"), .badRequest),
    (chunked("0\r\n folded: value\r\n"), .badRequest),
    (chunked("0\r\nName: a\u{1}\r\n"), .badRequest),
    (chunked("0\r\nName: a\n"), .badRequest),
    // The body of one request is not the next request.
    (post("Content-Length: 3", "abcd / HTTP/1.1x\r\n\r\n"), .badRequest),
]

private let refusals: [Refusal] =
    requestLines.map { ($0.text + "\r\nHost: a\r\n\r\n", $0.status) }
    + fieldLines.map { ("GET / HTTP/1.1\r\nHost: a\r\n\($0.text)\r\n\r\n", $0.status) }
    + hosts + smuggling

@Suite struct StrictnessTests {
    @Test("what can be read two ways is refused, however it is cut", arguments: refusals)
    func refusal(text: String, status: Status) {
        let bytes = Array(text.utf8)
        let whole = Outcome(of: [bytes])
        #expect(whole.status == status)
        #expect(Outcome(byteByByte: bytes) == whole)
        for cut in 0...bytes.count {
            #expect(Outcome(of: [Array(bytes[..<cut]), Array(bytes[cut...])]) == whole, "cut at \(cut)")
        }
    }

    @Test("only the request with the broken body is lost")
    func smuggledRequest() {
        let outcome = Outcome(of: post("Content-Length: 3", "abcd / HTTP/1.1x\r\n\r\n"))
        #expect(outcome.requests.map(\.bodyText) == ["abc"])
    }

    @Test("any control character but the tab is refused in a value, bytes above ASCII are not")
    func valueBytes() {
        for byte in UInt8.min...UInt8.max {
            let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nName: a".utf8) + [byte] + Array("b\r\n\r\n".utf8)
            let isAllowed = byte == 9 || (byte >= 0x20 && byte != 0x7F)
            #expect(Outcome(of: [bytes]).status == (isAllowed ? nil : .badRequest), "\(byte)")
        }
    }

    @Test("methods and field names are made of token characters alone")
    func tokenBytes() {
        let punctuation = Array("!#$%&'*+-.^_`|~".utf8)
        for byte in UInt8.min...UInt8.max where byte != UInt8(ascii: ":") {
            let isToken =
                punctuation.contains(byte)
                || (byte < 0x80
                    && (Character(Unicode.Scalar(byte)).isLetter || Character(Unicode.Scalar(byte)).isNumber))
            let name = Array("GET / HTTP/1.1\r\nHost: a\r\nNa".utf8) + [byte] + Array("me: a\r\n\r\n".utf8)
            #expect(Outcome(of: [name]).status == (isToken ? nil : .badRequest), "\(byte) in a name")
            let method = Array("GE".utf8) + [byte] + Array("T / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            #expect(Outcome(of: [method]).status == (isToken ? nil : .badRequest), "\(byte) in a method")
        }
    }

    @Test("a control character is found wherever in the head it is", arguments: [0, 0x0A, 0x1F, 0x7F] as [UInt8])
    func everyPosition(bad: UInt8) {
        let good = Array("GET /0123456789 HTTP/1.1\r\nHost: abc\r\nName: \t0123456789\u{FF}\u{80}\t012345\r\n\r\n".utf8)
        for position in good.indices {
            var bytes = good
            bytes.insert(bad, at: position)
            // A line feed between the lines' own CR and LF is still a bare one.
            #expect(Outcome(of: [bytes]).status == .badRequest, "at \(position)")
        }
    }
}
