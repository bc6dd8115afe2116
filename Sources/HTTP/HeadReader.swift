/// Reads the head of one request line by line as its bytes arrive, so that nonsense is refused at its first
/// bad byte and nothing is looked at twice.
struct HeadReader: Sendable {
    private var scanner = LineScanner()
    private var requestLine: RequestLine?
    private var fields: [Field] = []

    /// Goes on with a head.
    ///
    /// - Parameter bytes: Everything from the first byte of the request line; at every call more of it.
    /// - Returns: The parts of the head and its length with the empty line; `nil` for "more bytes needed".
    mutating func read(
        _ bytes: Span<UInt8>, limits: HTTPLimits
    ) throws(HTTPError) -> (line: RequestLine, fields: [Field], length: Int)? {
        if requestLine == nil, try !readRequestLine(bytes, limits: limits) { return nil }
        while true {
            switch try scanner.next(in: bytes, before: limits.head) {
            case .incomplete: return nil
            case .tooLong: throw .headTooLarge
            case .line(let line) where line.isEmpty:
                return requestLine.map { ($0, fields, scanner.start) }
            case .line(let line):
                guard fields.count < limits.fieldCount else {
                    throw HTTPError(.headerFieldsTooLarge, "There are too many header fields.")
                }
                fields.append(try Field(parsing: line, of: bytes))
            }
        }
    }

    private mutating func readRequestLine(_ bytes: Span<UInt8>, limits: HTTPLimits) throws(HTTPError) -> Bool {
        let end = min(limits.requestLine + 2, limits.head)
        switch try scanner.next(in: bytes, before: end) {
        case .incomplete: return false
        case .tooLong:
            throw end == limits.head ? .headTooLarge : HTTPError(.uriTooLong, "The request line is too long.")
        case .line(let line):
            requestLine = try RequestLine(parsing: line, of: bytes)
            // One allocation for what browsers send.
            fields.reserveCapacity(min(16, limits.fieldCount))
            return true
        }
    }
}
