/// The first line of a request (RFC 9112, section 3): what is wanted and of whom.
struct RequestLine: Equatable, Sendable {
    let method: Method
    let isHTTP10: Bool
    /// The request-target as it was sent.
    let target: Range<Int>
    /// Host and port of a target in absolute-form.
    private(set) var authority: Range<Int>?
    /// What follows the first `?` of the target.
    private(set) var query: Range<Int>?
    private(set) var rawPath = "/"

    /// - Parameters:
    ///   - line: The line's place in `bytes`, without its CRLF; it is free of control characters but the tab.
    /// - Throws: A 400 for anything malformed, a 505 for a well-formed version that is not 1.0 or 1.1.
    init(parsing line: Range<Int>, of bytes: Span<UInt8>) throws(HTTPError) {
        let token = ASCIISet.token
        var methodEnd = line.lowerBound
        while methodEnd < line.upperBound, token.contains(bytes[methodEnd]) { methodEnd += 1 }
        let targetStart = methodEnd + 1
        var targetEnd = targetStart
        while targetEnd < line.upperBound, Self.isTarget(bytes[targetEnd]) { targetEnd += 1 }
        guard methodEnd > line.lowerBound, targetEnd > targetStart, targetEnd < line.upperBound,
            bytes[methodEnd] == .space, bytes[targetEnd] == .space
        else { throw HTTPError(.badRequest, "The request line must be a method, a target and a version.") }

        method = Method(bytes.text(line.lowerBound..<methodEnd))
        isHTTP10 = try Self.isVersion10(bytes.extracting(targetEnd + 1..<line.upperBound))
        target = targetStart..<targetEnd
        try readTarget(bytes)
    }

    /// Visible ASCII, but no fragment.
    private static func isTarget(_ byte: UInt8) -> Bool {
        0x21...0x7E ~= byte && byte != UInt8(ascii: "#")
    }

    private static func isVersion10(_ version: Span<UInt8>) throws(HTTPError) -> Bool {
        guard version.count == 8, version.text(0..<5) == "HTTP/", version[6] == UInt8(ascii: "."),
            let major = version[5].decimalDigit, let minor = version[7].decimalDigit
        else { throw HTTPError(.badRequest, "The request line must end in the version of HTTP.") }
        guard major == 1, minor <= 1 else { throw HTTPError(.versionNotSupported, "This server speaks HTTP/1.1.") }
        return minor == 0
    }

    /// Splits the target; origin-form, absolute-form, and `*` for OPTIONS are known (RFC 9112, section 3.2).
    private mutating func readTarget(_ bytes: Span<UInt8>) throws(HTTPError) {
        var pathStart = target.lowerBound
        if target.count == 1, bytes[pathStart] == UInt8(ascii: "*"), method == .options {
            rawPath = "*"
            return
        }
        if bytes[pathStart] != UInt8(ascii: "/") {
            pathStart = try readAuthority(bytes)
        }
        var pathEnd = pathStart
        while pathEnd < target.upperBound, bytes[pathEnd] != UInt8(ascii: "?") {
            if bytes[pathEnd] == UInt8(ascii: "%"), !bytes.isEscape(at: pathEnd, before: target.upperBound) {
                throw HTTPError(.badRequest, "A % in the path must be followed by two hexadecimal digits.")
            }
            pathEnd += 1
        }
        if pathEnd < target.upperBound { query = pathEnd + 1..<target.upperBound }
        if pathEnd > pathStart { rawPath = bytes.text(pathStart..<pathEnd) }
    }

    /// Reads scheme and authority of a target in absolute-form and gives the offset of its path.
    private mutating func readAuthority(_ bytes: Span<UInt8>) throws(HTTPError) -> Int {
        for scheme in ["http://", "https://"] {
            let start = target.lowerBound + scheme.utf8.count
            guard start < target.upperBound, bytes.matches(target.lowerBound..<start, scheme) else { continue }
            var end = start
            while end < target.upperBound, bytes[end] != UInt8(ascii: "/"), bytes[end] != UInt8(ascii: "?") { end += 1 }
            guard start < end, bytes.isAuthority(start..<end) else { break }
            authority = start..<end
            return end
        }
        throw HTTPError(.badRequest, "The request target must be a path or an http URL.")
    }
}
