internal import CHiredis

/// Takes replies out of what Redis sends: hiredis' reader. Belongs to one thread.
///
/// Only its reader: the asynchronous connections of hiredis 0.14, which Debian has, look names up without returning, and
/// end the process by an assertion where a server sends what was not asked for.
@safe final class ReplyReader {
    private let reader: UnsafeMutablePointer<redisReader>
    /// Bytes that one reply may take.
    private let limit: Int

    /// What came is no reply, or is too long.
    struct Malformed: Error, Equatable {
        let reason: String
    }

    init(limit: Int) {
        self.limit = limit
        guard let reader = unsafe redisReaderCreate() else { preconditionFailure("no memory for a reader of replies") }
        unsafe self.reader = reader
    }

    deinit { unsafe redisReaderFree(reader) }

    func feed(_ bytes: Span<UInt8>) throws(Malformed) {
        let result = unsafe bytes.withUnsafeBufferPointer { bytes in
            bytes.isEmpty ? REDIS_OK : unsafe redisReaderFeed(reader, bytes.baseAddress, bytes.count)
        }
        if result != REDIS_OK { throw failure }
    }

    /// The next reply; `nil` until more has come.
    func next() throws(Malformed) -> RedisReply? {
        var raw: UnsafeMutableRawPointer?
        guard unsafe redisReaderGetReply(reader, &raw) == REDIS_OK else { throw failure }
        guard let raw = unsafe raw else {
            if unsafe reader.pointee.len > limit { throw Malformed(reason: "a reply is longer than \(limit) bytes") }
            return nil
        }
        defer { unsafe freeReplyObject(raw) }
        return unsafe Self.reply(raw.assumingMemoryBound(to: redisReply.self))
    }

    private var failure: Malformed {
        let text = unsafe withUnsafeBytes(of: reader.pointee.errstr) { text in
            unsafe String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
        }
        return Malformed(reason: "not a reply of Redis: \(text)")
    }

    /// The reader allows replies within one another a few levels deep only.
    private static func reply(_ raw: UnsafeMutablePointer<redisReply>?) -> RedisReply {
        guard let raw = unsafe raw else { return .null }
        switch unsafe raw.pointee.type {
        case REDIS_REPLY_STRING: return .string(unsafe Array(text(raw)))
        case REDIS_REPLY_STATUS: return .status(unsafe String(decoding: text(raw), as: UTF8.self))
        case REDIS_REPLY_ERROR: return .error(RedisError(unsafe String(decoding: text(raw), as: UTF8.self)))
        case REDIS_REPLY_INTEGER: return .integer(unsafe raw.pointee.integer)
        case REDIS_REPLY_ARRAY:
            let elements = unsafe UnsafeBufferPointer(start: raw.pointee.element, count: Int(raw.pointee.elements))
            return .array(unsafe elements.map { unsafe reply($0) })
        default: return .null
        }
    }

    @unsafe private static func text(_ raw: UnsafeMutablePointer<redisReply>) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: raw.pointee.str, count: Int(raw.pointee.len))
    }
}
