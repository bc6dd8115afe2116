/// One header field, as offsets into the head that it is part of.
struct Field: Equatable, Sendable {
    let name: Range<Int>
    /// Without the blanks around it.
    let value: Range<Int>

    /// Reads one field line (RFC 9112, section 5).
    ///
    /// - Parameters:
    ///   - line: The line's place in `bytes`, without its CRLF; it is free of control characters.
    /// - Throws: A 400 unless the line is a token, a colon and anything. A continuation line (obs-fold)
    ///   starts with a blank, hence with no token.
    init(parsing line: Range<Int>, of bytes: Span<UInt8>) throws(HTTPError) {
        let token = ASCIISet.token
        var colon = line.lowerBound
        while colon < line.upperBound, token.contains(bytes[colon]) { colon += 1 }
        guard colon > line.lowerBound, colon < line.upperBound, bytes[colon] == UInt8(ascii: ":") else {
            throw HTTPError(.badRequest, "A header line must be a name, a colon and a value.")
        }
        name = line.lowerBound..<colon
        value = bytes.trimmingBlanks(colon + 1..<line.upperBound)
    }
}
