/// Makes requests of the bytes of one connection (RFC 9112), strictly: what two servers could read
/// differently is an error, and after an error there is no next request.
///
/// ``append(_:)`` what was read, then call ``next()`` until it needs more. Used so it holds at most one head,
/// one body and one read; a caller that leaves pipelined requests waiting stops reading meanwhile.
package struct RequestDecoder: Sendable {
    package enum Step: Equatable, Sendable {
        /// The head of the next request is not whole yet.
        case needMoreHead
        /// The head is, the body is not.
        case needMoreBody
        /// The client waits for `100 Continue`; at most once per request, and not if the body has begun to
        /// arrive. The request itself comes later.
        case sendContinue
        case request(Request)
    }

    private let limits: HTTPLimits
    private var buffer: [UInt8] = []
    /// What lies before this offset has been used.
    private var start = 0
    private var skippedEmptyLine = false
    private var headReader = HeadReader()
    private var pending: (request: Request, body: BodyReader)?
    private var failure: HTTPError?

    package init(limits: HTTPLimits = HTTPLimits()) { self.limits = limits }

    /// Whether no byte of a next request has arrived: what tells an idle connection from a slow head.
    package var isIdle: Bool { pending == nil && failure == nil && start == buffer.count }

    /// The request whose body is still to come, after ``Step/needMoreBody`` or ``Step/sendContinue``; its body is empty.
    package var unfinishedRequest: Request? { pending?.request }

    /// Bytes that wait to be decoded.
    package var bufferedByteCount: Int { buffer.count - start }

    /// Adds what was read from the connection.
    package mutating func append(_ bytes: Span<UInt8>) {
        guard failure == nil else { return }
        // Moving only when at least half is used keeps the cost linear.
        if start > 0, start >= buffer.count / 2 {
            buffer.removeSubrange(..<start)
            start = 0
        }
        buffer.append(copying: bytes)
    }

    /// The next thing the bytes say.
    ///
    /// - Throws: What to answer before closing the connection; the same at every later call.
    package mutating func next() throws(HTTPError) -> Step {
        if let failure { throw failure }
        do {
            return try advance()
        } catch {
            failure = error
            pending = nil
            _ = takeRemainder()
            throw error
        }
    }

    /// Takes the bytes after the last request: once it has switched protocols they are not HTTP.
    package mutating func takeRemainder() -> [UInt8] {
        defer {
            buffer = []
            start = 0
        }
        return start == 0 ? buffer : Array(buffer[start...])
    }

    private mutating func advance() throws(HTTPError) -> Step {
        if pending == nil {
            skipEmptyLine()
            guard let (request, body) = try readHead() else { return .needMoreHead }
            guard let body else { return .request(request) }
            pending = (request, body)
            if request.expectsContinue, start == buffer.count { return .sendContinue }
        }
        return try readBody()
    }

    /// Some old clients send a CRLF too many after a body (RFC 9112, section 2.2).
    private mutating func skipEmptyLine() {
        guard !skippedEmptyLine, buffer.count - start >= 2,
            buffer[start] == .carriageReturn, buffer[start + 1] == .lineFeed
        else { return }
        start += 2
        skippedEmptyLine = true
    }

    private mutating func readHead() throws(HTTPError) -> (Request, BodyReader?)? {
        // A second reference: a span of the stored array would keep all of `self` borrowed.
        let buffer = buffer
        let bytes = buffer.span.extracting(start...)
        guard let (line, fields, length) = try headReader.read(bytes, limits: limits) else { return nil }
        let framing = try Framing(of: fields, in: bytes, isHTTP10: line.isHTTP10, limit: limits.body)
        let head = takeHead(length)
        headReader = HeadReader()
        skippedEmptyLine = false
        let request = Request(head: head, line: line, fields: fields, expectsContinue: framing.expectsContinue)
        return (request, BodyReader(framing.body))
    }

    /// A head that is alone in the buffer, as most are, takes the buffer along.
    private mutating func takeHead(_ length: Int) -> [UInt8] {
        if start == 0, buffer.count == length { return takeRemainder() }
        defer { start += length }
        return Array(buffer[start..<start + length])
    }

    private mutating func readBody() throws(HTTPError) -> Step {
        let buffer = buffer
        start += try pending?.body.read(buffer.span.extracting(start...), limits: limits) ?? 0
        if start == buffer.count { _ = takeRemainder() }
        guard let pending, pending.body.isComplete else { return .needMoreBody }
        self.pending = nil
        var request = pending.request
        request.body = pending.body.body
        return .request(request)
    }
}
