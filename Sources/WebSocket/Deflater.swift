internal import CZlib

/// Compresses messages as permessage-deflate has them (RFC 7692, section 7.2.1). Belongs to one thread.
@safe package final class Deflater {
    /// zlib's state points back at it, so that it stays where it is.
    private let stream: UnsafeMutablePointer<z_stream>
    private let keepsContext: Bool

    /// - Parameters:
    ///   - level: 1, the fastest, to 9.
    ///   - windowBits: 9 to 15. A deflater takes 2^(`windowBits` + 3) bytes.
    ///   - keepsContext: Whether a message may refer to those before it.
    package init(level: Int, windowBits: Int, keepsContext: Bool) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        self.keepsContext = keepsContext
        let result = unsafe switchboard_deflate_init(stream, Int32(level), Int32(windowBits), Int32(windowBits - 7))
        precondition(result == Z_OK, "zlib has no memory left")
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// The payload of a compressed message; the frame has its RSV1 bit set.
    package func deflate(_ payload: Span<UInt8>) -> [UInt8] {
        // zlib flushes nothing twice; this is an empty block (section 7.2.3.6).
        if payload.isEmpty { return [0x00] }
        // What a flush adds is more than the bound counts.
        let capacity = unsafe Int(deflateBound(stream, uLong(payload.count))) + 16
        var output = [UInt8](capacity: capacity) { output in
            unsafe payload.withUnsafeBufferPointer { payload in
                unsafe output.withUnsafeMutableBufferPointer { buffer, count in
                    unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: payload.baseAddress)
                    unsafe stream.pointee.avail_in = UInt32(payload.count)
                    unsafe stream.pointee.next_out = buffer.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(buffer.count)
                    let result = unsafe CZlib.deflate(stream, Z_SYNC_FLUSH)
                    let isWhole = unsafe stream.pointee.avail_out > 0
                    precondition(result == Z_OK && isWhole, "there is room for all of it")
                    unsafe count = buffer.count - Int(stream.pointee.avail_out)
                }
            }
        }
        // Every message ends with 00 00 FF FF, which is left out.
        output.removeLast(4)
        if !keepsContext { unsafe deflateReset(stream) }
        return output
    }
}

/// Decompresses messages likewise (RFC 7692, section 7.2.2).
@safe package final class Inflater {
    private let stream: UnsafeMutablePointer<z_stream>
    private let keepsContext: Bool

    /// - Parameters:
    ///   - windowBits: 8 to 15. With its context, an inflater takes 2^`windowBits` bytes and 7 KiB.
    ///   - keepsContext: Whether a message may refer to those before it.
    package init(windowBits: Int = 15, keepsContext: Bool) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        self.keepsContext = keepsContext
        let result = unsafe switchboard_inflate_init(stream, Int32(windowBits))
        precondition(result == Z_OK, "zlib has no memory left")
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// The message that a compressed payload stands for.
    ///
    /// - Parameter limit: The most bytes that it may have; no more are ever made of it.
    /// - Throws: ``WebSocketError/messageTooLong`` beyond that, ``WebSocketError/notDeflated`` for what is no such payload.
    package func inflate(_ payload: Span<UInt8>, limit: Int) throws(WebSocketError) -> [UInt8] {
        var message: [UInt8] = []
        message.reserveCapacity(min(limit, max(256, payload.count * 3)))
        defer { if !keepsContext { unsafe inflateReset(stream) } }
        // What every message leaves out at its end.
        let tail: InlineArray<4, UInt8> = [0x00, 0x00, 0xFF, 0xFF]
        _ = try feed(payload, into: &message, limit: limit)
        guard try feed(tail.span, into: &message, limit: limit) else { throw .notDeflated }
        return message
    }

    /// - Returns: Whether the input ends where a block does.
    private func feed(
        _ input: Span<UInt8>, into message: inout [UInt8], limit: Int
    ) throws(WebSocketError) -> Bool {
        var fed = 0
        while true {
            // One byte more than allowed tells that there is more.
            let room = min(max(4096, message.capacity - message.count), limit + 1 - message.count)
            var (result, isFull) = (Z_OK, false)
            message.append(addingCapacity: room) { output in
                unsafe input.extracting(fed...).withUnsafeBufferPointer { input in
                    unsafe output.withUnsafeMutableBufferPointer { buffer, count in
                        unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                        unsafe stream.pointee.avail_in = UInt32(input.count)
                        unsafe stream.pointee.next_out = buffer.baseAddress! + count
                        unsafe stream.pointee.avail_out = UInt32(room)
                        result = unsafe CZlib.inflate(stream, Z_SYNC_FLUSH)
                        unsafe count += room - Int(stream.pointee.avail_out)
                        fed += unsafe input.count - Int(stream.pointee.avail_in)
                        isFull = unsafe stream.pointee.avail_out == 0
                    }
                }
            }
            if message.count > limit { throw .messageTooLong }
            switch result {
            case Z_OK, Z_BUF_ERROR:
                // 128: the next thing is a block's header; below 64: bits that are left of the last byte.
                if !isFull { return unsafe stream.pointee.data_type & 128 != 0 && stream.pointee.data_type & 63 == 0 }
            // A block may be marked as the last one; what follows may still refer to what was before (section 7.2.3.4).
            case Z_STREAM_END:
                unsafe inflateResetKeep(stream)
                if fed == input.count { return true }
            default: throw .notDeflated
            }
        }
    }
}
