/// How long the body of a request is (RFC 9112, section 6), and what else the fields settle before it is read.
struct Framing {
    enum Body: Equatable {
        case none
        case length(Int)
        case chunked
    }

    private(set) var body = Body.none
    /// The client waits for a `100 Continue` before it sends the body.
    private(set) var expectsContinue = false

    /// Checks the fields that decide where the request ends. Whatever two servers could read differently
    /// is refused: that is how requests are smuggled.
    ///
    /// - Throws: 400 for a missing, repeated or malformed Host, for a Content-Length that is repeated, not all
    ///   digits or beside a Transfer-Encoding, and for a Transfer-Encoding in HTTP/1.0; 501 for any coding but
    ///   `chunked`; 413 for a body over the limit; 417 for an unknown expectation.
    init(of fields: [Field], in bytes: Span<UInt8>, isHTTP10: Bool, limit: Int) throws(HTTPError) {
        var (hosts, length, codings, isChunked, waits) = (0, nil as Int?, 0, false, false)
        for field in fields {
            // Few names have one of these lengths, so nearly every field costs one comparison.
            switch field.name.count {
            case 4 where bytes.matches(field.name, "host"):
                hosts += 1
                guard field.value.isEmpty || bytes.isAuthority(field.value) else {
                    throw HTTPError(.badRequest, "Host must be a host name and an optional port.")
                }
            case 6 where bytes.matches(field.name, "expect"):
                guard bytes.matches(field.value, "100-continue") else {
                    throw HTTPError(.expectationFailed, "The only expectation known is 100-continue.")
                }
                waits = true
            case 14 where bytes.matches(field.name, "content-length"):
                guard length == nil else { throw HTTPError(.badRequest, "There must be one Content-Length.") }
                length = try bytes.contentLength(field.value)
            case 17 where bytes.matches(field.name, "transfer-encoding"):
                codings += 1
                isChunked = bytes.matches(field.value, "chunked")
            default: break
            }
        }
        guard hosts == 1 || (hosts == 0 && isHTTP10) else {
            throw HTTPError(.badRequest, "There must be one Host.")
        }
        if codings > 0 {
            guard length == nil else {
                throw HTTPError(.badRequest, "Content-Length and Transfer-Encoding exclude each other.")
            }
            guard !isHTTP10 else { throw HTTPError(.badRequest, "HTTP/1.0 has no Transfer-Encoding.") }
            guard codings == 1, isChunked else {
                throw HTTPError(.notImplemented, "The only Transfer-Encoding known is chunked.")
            }
            body = .chunked
        } else if let length, length > 0 {
            guard length <= limit else { throw .bodyTooLarge }
            body = .length(length)
        }
        // An HTTP/1.0 client can't have meant it (RFC 9110, section 10.1.1).
        expectsContinue = waits && body != .none && !isHTTP10
    }
}

extension HTTPError {
    static var bodyTooLarge: HTTPError { HTTPError(.contentTooLarge, "The body is too large.") }
    static var headTooLarge: HTTPError { HTTPError(.headerFieldsTooLarge, "The header fields are too large.") }
}

extension Span<UInt8> {
    /// Whether the bytes can be a host with an optional port. A host that starts with a colon is empty.
    func isAuthority(_ range: Range<Int>) -> Bool {
        let allowed = ASCIISet.authority
        return self[range.lowerBound] != UInt8(ascii: ":") && range.allSatisfy { allowed.contains(self[$0]) }
    }

    fileprivate func contentLength(_ range: Range<Int>) throws(HTTPError) -> Int {
        var length = 0
        for index in range {
            guard let digit = self[index].decimalDigit else {
                throw HTTPError(.badRequest, "Content-Length must be a number.")
            }
            let (product, isOver) = length.multipliedReportingOverflow(by: 10)
            let (sum, isOverToo) = product.addingReportingOverflow(digit)
            guard !isOver, !isOverToo else { throw HTTPError(.badRequest, "Content-Length must be a number.") }
            length = sum
        }
        guard !range.isEmpty else { throw HTTPError(.badRequest, "Content-Length must be a number.") }
        return length
    }
}
