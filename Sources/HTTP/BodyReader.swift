/// Gathers the body of one request as its bytes arrive: a number of bytes, or chunks (RFC 9112, section 7.1).
struct BodyReader: Sendable {
    private enum Stage {
        case fixed(remaining: Int)
        case chunkSize
        case chunkData(remaining: Int)
        case chunkEnd
        case trailers(bytesLeft: Int, fieldsLeft: Int)
        case complete
    }

    /// Chunk extensions mean nothing to us; one body may carry this many bytes of them.
    private static let extensionAllowance = 4 * 1024

    private var stage: Stage
    private var scanner = LineScanner()
    private var extensionBytesLeft = BodyReader.extensionAllowance

    /// The body as far as it has arrived, without framing.
    private(set) var body: [UInt8] = []

    var isComplete: Bool {
        if case .complete = stage { true } else { false }
    }

    init?(_ framing: Framing.Body) {
        switch framing {
        case .none: return nil
        case .length(let length): stage = .fixed(remaining: length)
        case .chunked: stage = .chunkSize
        }
    }

    /// Goes on with the body, until it is complete or needs more bytes.
    ///
    /// - Parameter bytes: What the call before did not use, and any number of new ones.
    /// - Returns: How many bytes were used. The rest is an unfinished line, of a chunk's size (some 4 KiB at most)
    ///   or a trailer (`limits.head`), or, if the body is complete, the next request.
    /// - Throws: 400 for malformed framing, 413 at the size of the chunk that passes the limit, 431 for
    ///   trailers past the limits of a head.
    mutating func read(_ bytes: Span<UInt8>, limits: HTTPLimits) throws(HTTPError) -> Int {
        var used = 0
        while try step(bytes, &used, limits) {}
        scanner.drop(used)
        return used
    }

    /// Does one stage's work and tells whether the next one can start.
    private mutating func step(
        _ bytes: Span<UInt8>, _ used: inout Int, _ limits: HTTPLimits
    ) throws(HTTPError) -> Bool {
        switch stage {
        case .fixed(let remaining):
            let missing = take(remaining, of: bytes, &used)
            stage = missing == 0 ? .complete : .fixed(remaining: missing)
            return false

        case .chunkSize:
            let longest = 16 + extensionBytesLeft + 2
            guard let line = try nextLine(of: bytes, &used, longest, .chunkLineTooLong) else { return false }
            let size = try readChunkSize(line, of: bytes)
            guard size <= UInt64(limits.body - body.count) else { throw .bodyTooLarge }
            stage =
                size > 0
                ? .chunkData(remaining: Int(size))
                : .trailers(bytesLeft: limits.head, fieldsLeft: limits.fieldCount)
            return true

        case .chunkData(let remaining):
            let missing = take(remaining, of: bytes, &used)
            stage = missing == 0 ? .chunkEnd : .chunkData(remaining: missing)
            return missing == 0

        case .chunkEnd:
            guard let end = try nextLine(of: bytes, &used, 2, .chunkEndMissing) else { return false }
            guard end.isEmpty else { throw .chunkEndMissing }
            stage = .chunkSize
            return true

        case .trailers(let bytesLeft, let fieldsLeft):
            guard let line = try nextLine(of: bytes, &used, bytesLeft, .headTooLarge) else { return false }
            guard !line.isEmpty else {
                stage = .complete
                return false
            }
            guard fieldsLeft > 0 else { throw .headTooLarge }
            // Checked, then dropped: a trailer could not be trusted with anything anyway.
            _ = try Field(parsing: line, of: bytes)
            stage = .trailers(bytesLeft: bytesLeft - line.count - 2, fieldsLeft: fieldsLeft - 1)
            return true

        case .complete:
            return false
        }
    }

    /// Moves up to `count` bytes to the body and gives the number still missing.
    private mutating func take(_ count: Int, of bytes: Span<UInt8>, _ used: inout Int) -> Int {
        let available = min(count, bytes.count - used)
        body.append(copying: bytes.extracting(used..<used + available))
        used += available
        scanner = LineScanner(at: used)
        return count - available
    }

    private mutating func nextLine(
        of bytes: Span<UInt8>, _ used: inout Int, _ longest: Int, _ tooLong: HTTPError
    ) throws(HTTPError) -> Range<Int>? {
        switch try scanner.next(in: bytes, before: used + longest) {
        case .incomplete: return nil
        case .tooLong: throw tooLong
        case .line(let line):
            used = scanner.start
            return line
        }
    }

    /// Reads `1A2B` or `1A2B;name=value`; no sign, no blank, no `0x`.
    private mutating func readChunkSize(_ line: Range<Int>, of bytes: Span<UInt8>) throws(HTTPError) -> UInt64 {
        var (size, index) = (UInt64(0), line.lowerBound)
        while index < line.upperBound, let digit = bytes[index].hexDigit {
            // Sixteen digits are all that fit.
            guard index - line.lowerBound < 16 else { throw .badChunkSize }
            size = size << 4 | UInt64(digit)
            index += 1
        }
        guard index > line.lowerBound else { throw .badChunkSize }
        if index < line.upperBound {
            guard bytes[index] == UInt8(ascii: ";"), !(index..<line.upperBound).contains(where: { bytes[$0] == .tab })
            else { throw .badChunkSize }
            extensionBytesLeft -= line.upperBound - index
            guard extensionBytesLeft >= 0 else { throw .chunkLineTooLong }
        }
        return size
    }
}

extension HTTPError {
    fileprivate static var badChunkSize: HTTPError { HTTPError(.badRequest, "A chunk must start with its size.") }
    fileprivate static var chunkEndMissing: HTTPError { HTTPError(.badRequest, "A chunk must end in CR LF.") }
    fileprivate static var chunkLineTooLong: HTTPError { HTTPError(.badRequest, "Chunk extensions are too long.") }
}
