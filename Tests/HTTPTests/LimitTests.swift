import HTTP
import Testing

@Suite struct LimitTests {
    private static let host = "Host: a\r\n"

    private func status(_ text: String, _ limits: HTTPLimits = HTTPLimits()) -> Status? {
        let whole = Outcome(of: text, limits: limits)
        #expect(Outcome(byteByByte: Array(text.utf8), limits: limits) == whole)
        return whole.status
    }

    @Test("a request line may have 8 KiB")
    func requestLine() {
        let rest = " HTTP/1.1\r\n" + Self.host + "\r\n"
        let path = "/" + String(repeating: "a", count: 8 * 1024 - "GET / HTTP/1.1".utf8.count)
        #expect(status("GET " + path + rest) == nil)
        #expect(status("GET " + path + "a" + rest) == .uriTooLong)
        #expect(status("GET " + path + path) == .uriTooLong)
    }

    @Test("a head may have 16 KiB with its empty line")
    func head() {
        let start = "GET / HTTP/1.1\r\n" + Self.host
        let value = String(repeating: "a", count: 16 * 1024 - start.utf8.count - "N: \r\n\r\n".utf8.count)
        #expect(status(start + "N: " + value + "\r\n\r\n") == nil)
        #expect(status(start + "N: " + value + "a\r\n\r\n") == .headerFieldsTooLarge)
        #expect(status(start + "N: " + value + value) == .headerFieldsTooLarge)
    }

    @Test("a head limit below that of the request line comes first")
    func smallHead() {
        let text = "GET / HTTP/1.1\r\n" + Self.host + "\r\n"
        #expect(status(text, HTTPLimits(head: text.utf8.count)) == nil)
        #expect(status(text, HTTPLimits(head: text.utf8.count - 1)) == .headerFieldsTooLarge)
        #expect(status(text, HTTPLimits(head: 10)) == .headerFieldsTooLarge)
    }

    @Test("a head may have 100 fields")
    func fieldCount() {
        let start = "GET / HTTP/1.1\r\n" + Self.host
        let fields = String(repeating: "N: v\r\n", count: 99)
        #expect(status(start + fields + "\r\n") == nil)
        #expect(status(start + fields + "N: v\r\n\r\n") == .headerFieldsTooLarge)
    }

    @Test("a declared body is refused before it is read")
    func declaredBody() {
        let start = "POST / HTTP/1.1\r\n" + Self.host + "Content-Length: "
        #expect(Outcome(of: start + "1048576\r\n\r\n").end == .needMoreBody)
        #expect(status(start + "1048577\r\n\r\n") == .contentTooLarge)
        #expect(status(start + "9223372036854775807\r\n\r\n") == .contentTooLarge)
    }

    @Test("a chunked body is refused at the size of the chunk that is too much")
    func chunkedBody() {
        let start = "POST / HTTP/1.1\r\n" + Self.host + "Transfer-Encoding: chunked\r\n\r\n"
        let limits = HTTPLimits(body: 10)
        #expect(status(start + "6\r\nabcdef\r\n4\r\nghij\r\n0\r\n\r\n", limits) == nil)
        #expect(status(start + "6\r\nabcdef\r\n5\r\n", limits) == .contentTooLarge)
        #expect(status(start + "b\r\n", limits) == .contentTooLarge)
        #expect(status(start + "1\r\n", HTTPLimits(body: 0)) == .contentTooLarge)
    }

    @Test("chunk extensions may have 4 KiB in one body")
    func chunkExtensions() {
        let start = "POST / HTTP/1.1\r\n" + Self.host + "Transfer-Encoding: chunked\r\n\r\n"
        func chunk(_ count: Int) -> String { "1;" + String(repeating: "e", count: count - 1) + "\r\nx\r\n" }
        #expect(status(start + chunk(4096) + "0\r\n\r\n") == nil)
        #expect(status(start + chunk(4097) + "0\r\n\r\n") == .badRequest)
        #expect(status(start + String(repeating: chunk(64), count: 64) + "0\r\n\r\n") == nil)
        #expect(status(start + String(repeating: chunk(64), count: 64) + "0;\r\n\r\n") == .badRequest)
        #expect(status(start + "1;" + String(repeating: "e", count: 8192)) == .badRequest)
    }

    @Test("trailers have the limits of a head")
    func trailers() {
        let start = "POST / HTTP/1.1\r\n" + Self.host + "Transfer-Encoding: chunked\r\n\r\n0\r\n"
        let limits = HTTPLimits(head: 200, fieldCount: 3)
        #expect(status(start + "N: v\r\nN: v\r\nN: v\r\n\r\n", limits) == nil)
        #expect(status(start + "N: v\r\nN: v\r\nN: v\r\nN: v\r\n\r\n", limits) == .headerFieldsTooLarge)
        let value = String(repeating: "v", count: 200 - "N: \r\n\r\n".utf8.count)
        #expect(status(start + "N: " + value + "\r\n\r\n", limits) == nil)
        #expect(status(start + "N: " + value + "v\r\n\r\n", limits) == .headerFieldsTooLarge)
    }
}
