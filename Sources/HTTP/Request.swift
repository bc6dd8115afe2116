/// One whole request. It holds its head as it arrived and makes a string of a field only when asked.
package struct Request: Equatable, Sendable {
    private let head: [UInt8]
    private let line: RequestLine
    private let fields: [Field]

    /// The client waits for a `100 Continue`, or would have, had the body not been there already.
    package let expectsContinue: Bool
    /// The body without its framing; empty when there is none.
    package internal(set) var body: [UInt8] = []

    init(head: [UInt8], line: RequestLine, fields: [Field], expectsContinue: Bool) {
        self.head = head
        self.line = line
        self.fields = fields
        self.expectsContinue = expectsContinue
    }

    package var method: Method { line.method }

    package var isHTTP10: Bool { line.isHTTP10 }

    /// The request-target as it was sent: visible ASCII.
    package var target: String { head.span.text(line.target) }

    /// The path as it was sent: visible ASCII with well-formed escapes, from `/` on, or `*`. A ``Router`` decodes it
    /// by segments, so that a `%2F` stays inside one.
    package var rawPath: String { line.rawPath }

    /// The query as it was sent, without its `?`; `nil` where there is no `?`.
    package var query: String? { line.query.map { head.span.text($0) } }

    /// The host and port asked for: those of the target if it has them, else the Host field
    /// (RFC 9112, section 3.2.2).
    package var host: String? { line.authority.map { head.span.text($0) } ?? header("host") }

    /// Whether another request may follow on the connection (RFC 9112, section 9.3).
    package var keepAlive: Bool {
        !lists("close", in: "connection") && (!isHTTP10 || lists("keep-alive", in: "connection"))
    }

    /// The media type of the body in lower case, without parameters.
    package var contentType: String? {
        guard let value = header("content-type") else { return nil }
        let bytes = Array(value.utf8)
        let end = bytes.firstIndex(of: UInt8(ascii: ";")) ?? bytes.count
        return bytes.span.text(bytes.span.trimmingBlanks(0..<end)).lowercased()
    }

    /// The value of a header field, without the blanks around it; those of a repeated one joined by `", "`.
    ///
    /// - Parameter name: In any case.
    package func header(_ name: String) -> String? {
        let head = head.span
        var found: String?
        for field in fields where head.matches(field.name, name) {
            let value = head.text(field.value)
            if found == nil { found = value } else { found?.append(", " + value) }
        }
        return found
    }

    /// Whether the comma-separated list in a header field, such as `Connection`, holds `element`.
    /// Case matters to neither; nothing is allocated.
    package func lists(_ element: String, in name: String) -> Bool {
        let head = head.span
        for field in fields where head.matches(field.name, name) {
            var start = field.value.lowerBound
            for end in start...field.value.upperBound
            where end == field.value.upperBound || head[end] == UInt8(ascii: ",") {
                if head.matches(head.trimmingBlanks(start..<end), element) { return true }
                start = end + 1
            }
        }
        return false
    }

    /// The first value of a name in the query, percent- and plus-decoded.
    ///
    /// - Returns: `""` for a name without `=`; `nil` for an absent one and for a value that is not
    ///   percent-encoded UTF-8 without NUL.
    package func queryValue(_ name: String) -> String? {
        queryRange(name).flatMap { head.span.percentDecoded($0, plusIsSpace: true) }
    }

    /// Whether the query has a name, whatever its value.
    package func hasQueryValue(_ name: String) -> Bool { queryRange(name) != nil }

    /// Where the first value of a name in the query is.
    private func queryRange(_ name: String) -> Range<Int>? {
        guard let query = line.query else { return nil }
        let head = head.span
        var start = query.lowerBound
        for end in start...query.upperBound where end == query.upperBound || head[end] == UInt8(ascii: "&") {
            let equals = (start..<end).first { head[$0] == UInt8(ascii: "=") } ?? end
            if head.percentDecoded(start..<equals, plusIsSpace: true) == name { return min(equals + 1, end)..<end }
            start = end + 1
        }
        return nil
    }
}
