/// What a client sent, beside the bytes of its payload.
package enum Incoming: Equatable, Sendable {
    /// A whole message, valid UTF-8.
    case text
    /// A whole message.
    case binary
    /// A whole message that is to be inflated, and then checked if it is text.
    case compressed(isText: Bool)
    /// Wants a pong with the same payload.
    case ping
    case pong
    /// The payload is the reason, valid UTF-8. Nothing is decoded after it.
    case close(CloseCode)
}

/// Whether to go on decoding.
package enum Flow: Sendable {
    case proceed, pause
}

/// Turns what a client sends after the handshake into messages (RFC 6455, sections 5 to 8).
///
/// A frame that lies whole in the bytes given is delivered from there. Only what is incomplete is copied and kept, and
/// let go when it has been delivered: an idle decoder owns no memory.
package struct MessageDecoder: Sendable {
    private enum Stage {
        /// Between two frames.
        case boundary
        /// A header has arrived in part.
        case header(PartialHeader)
        /// The payload of a frame is arriving.
        case payload(FrameHeader)
        /// After a close frame or an error.
        case closed
    }

    private let maximumMessageLength: Int
    private let allowsCompression: Bool
    private var stage = Stage.boundary
    /// The kind of the message that is under way.
    private var messageKind: Opcode?
    private var isCompressed = false
    /// Follows that message, if it is text.
    private var utf8 = UTF8Validator()
    /// The bytes of that message that had to be kept.
    private var message: [UInt8] = []
    /// The bytes that had to be kept of a control frame, which may come in the middle of a message.
    private var control: [UInt8] = []

    /// - Parameters:
    ///   - maximumMessageLength: In bytes, the sum of a message's fragments.
    ///   - allowsCompression: Whether permessage-deflate was negotiated.
    package init(maximumMessageLength: Int = 1 << 20, allowsCompression: Bool = false) {
        self.maximumMessageLength = maximumMessageLength
        self.allowsCompression = allowsCompression
    }

    /// Decodes the next bytes of the connection, in order and in pieces of any size.
    ///
    /// Text is checked as it arrives, and lengths before anything is kept for them.
    ///
    /// - Parameters:
    ///   - bytes: Unmasked in place as far as they are consumed.
    ///   - receive: Called for each message and control frame, with its payload, and may not touch
    ///     this decoder. ``Flow/pause`` ends the call.
    /// - Returns: How many bytes were consumed: all, unless paused. Give the others again later.
    /// - Throws: The first fault, once; what came before it has been delivered. Bytes after a fault or a close frame are
    ///   consumed without being looked at.
    package mutating func decode(
        _ bytes: inout MutableSpan<UInt8>, _ receive: (Incoming, Span<UInt8>) -> Flow
    ) throws(WebSocketError) -> Int {
        do throws(WebSocketError) {
            return try decodeFrames(&bytes, receive)
        } catch {
            close()
            throw error
        }
    }

    private mutating func decodeFrames(
        _ bytes: inout MutableSpan<UInt8>, _ receive: (Incoming, Span<UInt8>) -> Flow
    ) throws(WebSocketError) -> Int {
        var position = 0
        while position < bytes.count, var frame = try nextFrame(in: bytes.span, &position) {
            let range = position..<position + min(frame.remaining, bytes.count - position)
            let isASCII = bytes.unmask(range, key: frame.maskingKey)
            frame.advance(by: range.count)
            stage = frame.remaining == 0 ? .boundary : .payload(frame)
            position = range.upperBound
            let part = bytes.span.extracting(range)
            let flow =
                frame.opcode.isControl
                ? try receiveControl(part, of: frame, receive)
                : try receiveData(part, isASCII: isASCII, of: frame, receive)
            if flow == .pause { return position }
        }
        return bytes.count
    }

    /// The frame whose payload begins or goes on at `position`, which moves past its header; `nil` if there is none.
    private mutating func nextFrame(
        in bytes: Span<UInt8>, _ position: inout Int
    ) throws(WebSocketError) -> FrameHeader? {
        var partial: PartialHeader
        switch stage {
        case .closed: return nil
        case .payload(let frame): return frame
        case .header(let begun): partial = begun
        case .boundary:
            if let frame = try header(in: bytes.extracting(position...)) {
                position += Int(frame.size)
                return frame
            }
            partial = PartialHeader()
        }
        while position < bytes.count {
            partial.append(bytes[position])
            position += 1
            if let frame = try header(in: partial.bytes.span.extracting(..<Int(partial.count))) { return frame }
        }
        stage = .header(partial)
        return nil
    }

    private mutating func header(in bytes: Span<UInt8>) throws(WebSocketError) -> FrameHeader? {
        let header = try FrameHeader(
            parsing: bytes, insideMessage: messageKind != nil, allowsCompression: allowsCompression,
            room: maximumMessageLength - message.count)
        if let header, header.opcode == .text || header.opcode == .binary {
            messageKind = header.opcode
            isCompressed = header.isCompressed
        }
        return header
    }

    private mutating func receiveControl(
        _ part: Span<UInt8>, of frame: FrameHeader, _ receive: (Incoming, Span<UInt8>) -> Flow
    ) throws(WebSocketError) -> Flow {
        guard frame.remaining == 0 else {
            control.append(part, expecting: frame.remaining)
            return .proceed
        }
        if frame.opcode != .close {
            return Self.deliver(frame.opcode == .ping ? .ping : .pong, part, after: &control, receive)
        }
        control.append(part)
        let payload = control
        close()
        let code = try ClosePayload(parsing: payload.span).code
        return receive(.close(code), payload.span.extracting(min(2, payload.count)...))
    }

    private mutating func receiveData(
        _ part: Span<UInt8>, isASCII: Bool, of frame: FrameHeader, _ receive: (Incoming, Span<UInt8>) -> Flow
    ) throws(WebSocketError) -> Flow {
        let isText = messageKind == .text
        if isText, !isCompressed, !(isASCII && utf8.isComplete), utf8.firstInvalidIndex(in: part) != nil {
            throw .invalidUTF8
        }
        guard frame.isFinal, frame.remaining == 0 else {
            message.append(part, expecting: frame.remaining)
            return .proceed
        }
        guard utf8.isComplete else { throw .invalidUTF8 }
        messageKind = nil
        let incoming: Incoming = isCompressed ? .compressed(isText: isText) : isText ? .text : .binary
        return Self.deliver(incoming, part, after: &message, receive)
    }

    private static func deliver(
        _ incoming: Incoming, _ part: Span<UInt8>, after kept: inout [UInt8],
        _ receive: (Incoming, Span<UInt8>) -> Flow
    ) -> Flow {
        if kept.isEmpty { return receive(incoming, part) }
        kept.append(part)
        defer { kept = [] }
        return receive(incoming, kept.span)
    }

    /// Lets go of everything: nothing is decoded any more.
    private mutating func close() {
        stage = .closed
        message = []
        control = []
    }
}
