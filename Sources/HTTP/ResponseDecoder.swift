/// Makes responses of the bytes of one connection to a server of this program's own kind (RFC 9112): each has a length, or
/// no body by its status. Anything else is an error, after which there is no next response.
package struct ResponseDecoder: Sendable {
    /// One response that is there, with its body.
    package struct Answer: Sendable {
        /// Its headers are those that were sent, framing included.
        package let response: Response
        /// Whether another request may follow on the connection.
        package let keepsAlive: Bool
    }

    private let limits: HTTPLimits
    private var buffer: [UInt8] = []
    /// The head, once it is there.
    private var head: (status: Status, headers: [Response.Header], length: Int)?

    package init(limits: HTTPLimits) { self.limits = limits }

    /// Whether no byte has arrived that was not made a response of.
    package var isIdle: Bool { buffer.isEmpty && head == nil }

    /// Adds what was read from the connection.
    package mutating func append(_ bytes: Span<UInt8>) { buffer.append(copying: bytes) }

    /// The next response; `nil` where more bytes are needed.
    ///
    /// - Throws: Where it is malformed, longer than may be, or of a status that is not known.
    package mutating func next() throws(HTTPError) -> Answer? {
        if head == nil { head = try readHead() }
        guard let (status, headers, length) = head, buffer.count >= length else { return nil }
        let body = Array(buffer[..<length])
        buffer.removeSubrange(..<length)
        head = nil
        let keepsAlive = !headers.contains { $0.name == "connection" && $0.value.lowercased() == "close" }
        return Answer(response: Response(status, headers: headers, body: body), keepsAlive: keepsAlive)
    }

    /// Takes the bytes after the last response: once it has switched protocols they are not HTTP.
    package mutating func takeRemainder() -> [UInt8] {
        defer { buffer = [] }
        return buffer
    }

    /// - Returns: What the head says, with the names of its fields in lower case, and how long the body is.
    private mutating func readHead() throws(HTTPError) -> (Status, [Response.Header], Int)? {
        // A second reference: a span of the stored array would keep all of `self` borrowed.
        let buffer = buffer
        let bytes = buffer.span
        // Responses are a few lines, mostly here at once: they are looked at anew with each piece.
        var scanner = LineScanner()
        var lines: [Range<Int>] = []
        repeat {
            switch try scanner.next(in: bytes, before: limits.head) {
            case .incomplete: return nil
            case .tooLong: throw .headTooLarge
            case .line(let line): lines.append(line)
            }
            if lines.count > limits.fieldCount + 2 { throw .headTooLarge }
        } while !lines[lines.count - 1].isEmpty
        let status = try Self.status(lines[0], of: bytes)
        var headers: [Response.Header] = []
        for line in lines.dropFirst().dropLast() {
            let field = try Field(parsing: line, of: bytes)
            headers.append((bytes.text(field.name).lowercased(), bytes.text(field.value)))
        }
        let length = try bodyLength(status, headers)
        self.buffer.removeSubrange(..<scanner.start)
        return (status, headers, length)
    }

    private static func status(_ line: Range<Int>, of bytes: Span<UInt8>) throws(HTTPError) -> Status {
        guard line.count >= 12, bytes.text(line.lowerBound..<line.lowerBound + 9) == "HTTP/1.1 ",
            let code = Int(bytes.text(line.lowerBound + 9..<line.lowerBound + 12)), let status = Status(rawValue: code)
        else { throw HTTPError(.badRequest, "The status line must be a version and a status that is known.") }
        return status
    }

    private func bodyLength(_ status: Status, _ headers: [Response.Header]) throws(HTTPError) -> Int {
        if !status.hasContent { return 0 }
        let lengths = headers.filter { $0.name == "content-length" }
        guard lengths.count == 1, lengths[0].value.utf8.allSatisfy({ $0.decimalDigit != nil }),
            let length = Int(lengths[0].value), !headers.contains(where: { $0.name == "transfer-encoding" })
        else { throw HTTPError(.badRequest, "A response must say its length.") }
        if length > limits.body { throw .bodyTooLarge }
        return length
    }
}
