import CSimdJSON

/// Reads JSON texts (RFC 8259), one after the other, into memory that it keeps.
///
/// Belongs to one thread, and to somebody who keeps it as long as values of it are looked at; for a single document there
/// is ``reading(_:maximumLength:_:)``. It holds about 15 bytes per byte of the longest document so far, rounded up to a
/// power of two; what a document above 64 KiB needed is given back when the next one is no longer than that.
@safe package final class JSONParser {
    private let reader: UnsafeMutablePointer<sj_parser>

    /// - Parameters:
    ///   - maximumDepth: How many arrays and objects may enclose a value, up to 1,024.
    ///   - maximumLength: The longest document in bytes, up to 1 GiB.
    package init(maximumDepth: Int = 64, maximumLength: Int) {
        precondition((1...1024).contains(maximumDepth) && (1...1 << 30).contains(maximumLength))
        guard let reader = unsafe sj_parser_create(maximumLength, maximumDepth) else {
            preconditionFailure("no memory for a JSON parser")
        }
        unsafe self.reader = reader
    }

    deinit {
        precondition(unsafe reader.pointee.borrowers == 0, "a parser ends while bytes of its document are in use")
        unsafe sj_parser_destroy(reader)
    }

    /// Reads one document and ends the life of the values of the one before.
    ///
    /// - Parameter bytes: One JSON text in UTF-8 without a byte order mark, white space around it allowed.
    /// - Returns: The outermost value, valid until the next call.
    /// - Complexity: O(*n*), without an allocation if a document as long was read before.
    package func parse(_ bytes: Span<UInt8>) throws(JSONError) -> JSONValue {
        precondition(unsafe reader.pointee.borrowers == 0, "parsing while bytes of the last document are in use")
        var root: sj_position = 0
        let status = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe sj_parse(reader, bytes.baseAddress, bytes.count, &root)
        }
        switch status {
        case .ok: return unsafe JSONValue(position: root, reader: reader)
        case .malformed: throw .malformed
        case .tooDeep: throw .tooDeep
        case .tooLong: throw .tooLong
        }
    }

    /// Reads one document that is looked at only while `body` runs.
    ///
    /// - Parameters:
    ///   - maximumLength: The longest there may be in bytes, up to 1 GiB.
    ///   - body: Called with the outermost value, or with `nil` where the bytes were refused.
    package static func reading<Result, Failure: Error>(
        _ bytes: Span<UInt8>, maximumLength: Int, _ body: (JSONValue?) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let parser = JSONParser(maximumLength: maximumLength)
        let root = try? parser.parse(bytes)
        return try withExtendedLifetime(parser) { () throws(Failure) in try body(root) }
    }
}

/// Why bytes were refused as JSON.
package enum JSONError: Error, Equatable {
    /// Not a JSON text, not UTF-8, half of a surrogate pair, or a number beyond 64 bits or the range of a double.
    case malformed
    /// More arrays and objects within one another than allowed.
    case tooDeep
    /// More bytes than allowed.
    case tooLong
}
