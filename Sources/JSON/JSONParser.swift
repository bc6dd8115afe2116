import CSimdJSON

/// Reads JSON texts (RFC 8259), one after the other, into memory that it keeps.
///
/// Belongs to one thread. It holds about 15 bytes per byte of the longest document so far, rounded up to a power of two;
/// what a document above 64 KiB needed is given back when the next one is no longer than that.
@safe package final class JSONParser {
    let reader: OpaquePointer
    /// Tells the values of one document from those of the next; a value is stale once this has moved on.
    private(set) var generation: UInt32 = 0
    /// How many callers are looking at bytes of the document right now.
    var borrowers = 0

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

    deinit { unsafe sj_parser_destroy(reader) }

    /// Reads one document and ends the life of the values of the one before.
    ///
    /// - Parameter bytes: One JSON text in UTF-8 without a byte order mark, white space around it allowed.
    /// - Returns: The outermost value, valid until the next call.
    /// - Complexity: O(*n*), without an allocation if a document as long was read before.
    package func parse(_ bytes: Span<UInt8>) throws(JSONError) -> JSONValue {
        precondition(borrowers == 0, "parsing while bytes of the last document are in use")
        generation &+= 1
        var root: sj_position = 0
        let status = unsafe bytes.withUnsafeBufferPointer { bytes -> sj_status in
            guard let start = bytes.baseAddress else { return .malformed }
            return unsafe sj_parse(reader, start, bytes.count, &root)
        }
        switch status {
        case .ok: return JSONValue(position: root, parser: self)
        case .malformed: throw .malformed
        case .tooDeep: throw .tooDeep
        case .tooLong: throw .tooLong
        }
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
