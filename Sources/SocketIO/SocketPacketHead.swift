/// What stands in a packet's text before its JSON.
///
/// `<kind>[<number of attachments>-][<namespace>,][<id>][<JSON>]`
struct SocketPacketHead: Equatable, Sendable {
    let digit: SocketPacket.Digit
    let attachmentCount: Int
    let namespace: String
    let id: UInt64?
    /// Where the JSON begins, or the text ends.
    let end: Int

    /// - Parameter text: UTF-8, without the digit of the message that it came in.
    init(parsing text: Span<UInt8>, maximumAttachments: Int) throws(SocketPacketError) {
        guard let first = text.digit(at: 0), let digit = SocketPacket.Digit(rawValue: first) else {
            throw .unknownKind
        }
        self.digit = digit
        var position = 1
        if digit.hasAttachments {
            guard let count = text.number(at: &position), count > 0, position < text.count,
                text[position] == UInt8(ascii: "-")
            else { throw .illegalAttachments }
            guard count <= UInt64(maximumAttachments) else { throw .tooManyAttachments }
            attachmentCount = Int(count)
            position += 1
        } else {
            attachmentCount = 0
        }
        if position < text.count, text[position] == UInt8(ascii: "/") {
            let start = position
            while position < text.count, text[position] != UInt8(ascii: ",") { position += 1 }
            namespace = text.text(start..<position)
            position = min(position + 1, text.count)
        } else {
            namespace = "/"
        }
        if text.digit(at: position) != nil {
            guard let id = text.number(at: &position) else { throw .idTooLarge }
            self.id = id
        } else {
            id = nil
        }
        end = position
    }
}

extension Span<UInt8> {
    /// The value of the decimal digit there, if there is one.
    fileprivate func digit(at index: Int) -> UInt8? {
        guard index < count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= self[index] else { return nil }
        return self[index] - UInt8(ascii: "0")
    }

    /// Reads decimal digits; `nil` where there is none, or more than 64 bits can hold.
    fileprivate func number(at position: inout Int) -> UInt64? {
        var number: UInt64?
        while let digit = digit(at: position) {
            let (product, isTooMuch) = (number ?? 0).multipliedReportingOverflow(by: 10)
            let (sum, isTooMuchYet) = product.addingReportingOverflow(UInt64(digit))
            if isTooMuch || isTooMuchYet { return nil }
            number = sum
            position += 1
        }
        return number
    }

    fileprivate func text(_ range: Range<Int>) -> String {
        // The pointer goes no further than the call that copies from it.
        unsafe extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
