package import JSON

/// One packet of Socket.IO 5, with all its attachments.
package struct SocketPacket {
    /// A packet with attachments is of the same kind as one without: `BINARY_EVENT` is an event.
    package enum Kind: Sendable {
        case connect, disconnect, event, acknowledgement, connectError
    }

    package let kind: Kind
    /// From its slash on, without a comma; `/` is the main one.
    package let namespace: String
    /// Asks for an acknowledgement, or says what is acknowledged.
    package let id: UInt64?
    /// Lives until the parser reads the next document.
    ///
    /// An object or nothing where the client connects; an array with a name for an event, any array for an
    /// acknowledgement; a string or an object for an error.
    package let data: JSONValue?
    /// The binary parts, for which placeholders stand in the data.
    package let attachments: [[UInt8]]

    /// The name of an event, which may be a number.
    package var name: JSONValue? { kind == .event ? data?.element(at: 0) : nil }

    /// Visits what comes with an event after its name, or all of an acknowledgement.
    package func forEachArgument<E: Error>(_ body: (JSONValue) throws(E) -> Void) throws(E) {
        var isName = kind == .event
        try data?.forEachElement { (value) throws(E) in
            if !isName { try body(value) }
            isName = false
        }
    }

    /// The attachment that a placeholder stands for; `nil` for any other value.
    package func attachment(for value: JSONValue) -> [UInt8]? {
        guard !attachments.isEmpty, value.isPlaceholder, let number = value["num"]?.int64 else { return nil }
        return attachments.indices.contains(Int(number)) ? attachments[Int(number)] : nil
    }

    /// The numbers that packets begin with.
    enum Digit: UInt8 {
        case connect, disconnect, event, acknowledgement, connectError, binaryEvent, binaryAcknowledgement

        init(_ kind: Kind, hasAttachments: Bool) {
            self =
                switch kind {
                case .connect: .connect
                case .disconnect: .disconnect
                case .event: hasAttachments ? .binaryEvent : .event
                case .acknowledgement: hasAttachments ? .binaryAcknowledgement : .acknowledgement
                case .connectError: .connectError
                }
        }

        var kind: Kind {
            switch self {
            case .connect: .connect
            case .disconnect: .disconnect
            case .event, .binaryEvent: .event
            case .acknowledgement, .binaryAcknowledgement: .acknowledgement
            case .connectError: .connectError
            }
        }

        var hasAttachments: Bool {
            switch self {
            case .connect, .disconnect, .event, .acknowledgement, .connectError: false
            case .binaryEvent, .binaryAcknowledgement: true
            }
        }
    }
}

extension JSONValue {
    /// Whether this is `{"_placeholder":true,…}`.
    var isPlaceholder: Bool { self["_placeholder"]?.bool == true }
}

/// Why what a client sent is no packet. The connection ends.
package enum SocketPacketError: Error, Equatable, Sendable {
    /// No digit of a packet in front.
    case unknownKind
    /// A number of attachments that is missing, no number, or 0.
    case illegalAttachments
    case tooManyAttachments
    /// A placeholder for an attachment that is not there.
    case illegalPlaceholder
    /// More bytes in one packet, with its attachments, than allowed.
    case tooLong
    /// A number that no client counts up to.
    case idTooLarge
    /// No JSON, or JSON that the kind of packet can't have.
    case illegalData
    /// An event named like one of the client's own.
    case reservedEvent
    /// A text where attachments are missing.
    case attachmentMissing
    /// An attachment of nothing.
    case unexpectedAttachment
}
