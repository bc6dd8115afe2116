/// Finds the lines of a head, a trailer section or a chunk's size in bytes that arrive piecemeal, looking at
/// each byte once however they were cut.
struct LineScanner: Sendable {
    enum Result {
        /// A whole line without its CRLF; the next one starts two bytes after it.
        case line(Range<Int>)
        /// The bytes end before the line does.
        case incomplete
        /// The line and its CRLF don't fit before the limit.
        case tooLong
    }

    /// Where the current line starts.
    private(set) var start: Int
    private var cursor: Int

    init(at start: Int = 0) {
        self.start = start
        cursor = start
    }

    /// Looks for the end of the current line and, if it is there, moves on to the next.
    ///
    /// - Parameters:
    ///   - bytes: The same bytes as in the call before, and any number of new ones.
    ///   - end: The limit: the line's LF lies before this offset. Nothing from here on is looked at.
    /// - Throws: A 400 at the first CR or LF that is not part of a CRLF (RFC 9112, section 2.2, lets a server
    ///   accept some; no two agree on which), and at any other control character but the tab.
    mutating func next(in bytes: Span<UInt8>, before end: Int) throws(HTTPError) -> Result {
        let available = min(bytes.count, end)
        cursor = bytes.firstControl(from: cursor, to: available)
        guard cursor < available else { return available == end ? .tooLong : .incomplete }
        guard bytes[cursor] == .carriageReturn else {
            throw HTTPError(
                .badRequest,
                bytes[cursor] == .lineFeed ? "A line must end in CR LF." : "Control characters are not allowed.")
        }
        guard cursor + 1 < available else { return available == end ? .tooLong : .incomplete }
        guard bytes[cursor + 1] == .lineFeed else { throw HTTPError(.badRequest, "A line must end in CR LF.") }
        defer {
            cursor += 2
            start = cursor
        }
        return .line(start..<cursor)
    }

    /// Follows the bytes when the first `count` of them, all before the current line, are dropped.
    mutating func drop(_ count: Int) {
        start -= count
        cursor -= count
    }
}
