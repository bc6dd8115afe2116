/// How much of one request the server is willing to hold.
package struct HTTPLimits: Sendable {
    /// Bytes of the request line without its CRLF; one more is a 414.
    package var requestLine: Int
    /// Bytes from the request line through the empty line after the fields, and again for the trailer
    /// section of a chunked body; one more is a 431.
    package var head: Int
    /// Field lines in a head, and again in a trailer section; one more is a 431.
    package var fieldCount: Int
    /// Bytes of a body, without the framing of chunks; one more is a 413.
    package var body: Int

    package init(
        requestLine: Int = 8 * 1024, head: Int = 16 * 1024, fieldCount: Int = 100, body: Int = 1024 * 1024
    ) {
        precondition(requestLine > 0 && head > 0 && fieldCount > 0 && body >= 0, "a limit can't be negative")
        self.requestLine = requestLine
        self.head = head
        self.fieldCount = fieldCount
        self.body = body
    }
}
