package import JSON

/// Makes packets of the messages of one connection: a text, then as many binary messages as it announces.
///
/// A text without attachments is read where it lies, and nothing is kept of it.
package struct SocketPacketDecoder: Sendable {
    private let maximumAttachments: Int
    private let maximumLength: Int
    private var unfinished: Unfinished?

    /// A packet whose attachments are arriving.
    private struct Unfinished: Sendable {
        let head: SocketPacketHead
        let json: [UInt8]
        var attachments: [[UInt8]] = []
        var length: Int
    }

    /// - Parameters:
    ///   - maximumAttachments: Of one packet.
    ///   - maximumLength: Of one packet's text and attachments, in bytes.
    package init(maximumAttachments: Int = 10, maximumLength: Int = 10_000_000) {
        self.maximumAttachments = maximumAttachments
        self.maximumLength = maximumLength
    }

    /// Whether attachments are missing.
    package var isWaiting: Bool { unfinished != nil }

    /// Reads a text message.
    ///
    /// - Parameters:
    ///   - text: UTF-8, without the digit of the message.
    ///   - parser: Reads what is JSON; the packet's data lives as long as its document.
    /// - Returns: The packet, or `nil` if it has attachments.
    package mutating func decode(
        text: Span<UInt8>, with parser: JSONParser
    ) throws(SocketPacketError) -> SocketPacket? {
        guard unfinished == nil else { throw .attachmentMissing }
        guard text.count <= maximumLength else { throw .tooLong }
        let head = try SocketPacketHead(parsing: text, maximumAttachments: maximumAttachments)
        let json = text.extracting(head.end...)
        // What waits for attachments is read again with the last one: the parser is not ours to hold.
        let data = try Self.data(of: head, in: json, with: parser)
        if head.attachmentCount == 0 { return SocketPacket(head, data, []) }
        unfinished = Unfinished(head: head, json: [UInt8](copying: json), length: text.count)
        return nil
    }

    /// Reads a binary message.
    ///
    /// - Returns: The packet, if this was its last attachment.
    package mutating func decode(
        binary: Span<UInt8>, with parser: JSONParser
    ) throws(SocketPacketError) -> SocketPacket? {
        guard var packet = unfinished.take() else { throw .unexpectedAttachment }
        packet.length += binary.count
        guard packet.length <= maximumLength else { throw .tooLong }
        packet.attachments.append([UInt8](copying: binary))
        guard packet.attachments.count == packet.head.attachmentCount else {
            unfinished = packet
            return nil
        }
        let data = try Self.data(of: packet.head, in: packet.json.span, with: parser)
        return SocketPacket(packet.head, data, packet.attachments)
    }

    /// Parses the JSON of a packet and checks that it may have it.
    private static func data(
        of head: SocketPacketHead, in json: Span<UInt8>, with parser: JSONParser
    ) throws(SocketPacketError) -> JSONValue? {
        if json.isEmpty {
            switch head.digit.kind {
            case .connect, .disconnect: return nil
            case .event, .acknowledgement, .connectError: throw .illegalData
            }
        }
        guard let data = try? parser.parse(json) else { throw .illegalData }
        switch head.digit.kind {
        case .connect: guard data.isObject else { throw .illegalData }
        case .disconnect: throw .illegalData
        case .event:
            guard let name = data.element(at: 0), name.isString || name.double != nil else { throw .illegalData }
            if name.isReserved { throw .reservedEvent }
        case .acknowledgement: guard data.isArray, head.id != nil else { throw .illegalData }
        case .connectError: guard data.isObject || data.isString else { throw .illegalData }
        }
        if head.digit.hasAttachments { try data.checkPlaceholders(upTo: head.attachmentCount) }
        return data
    }
}

extension SocketPacket {
    fileprivate init(_ head: SocketPacketHead, _ data: JSONValue?, _ attachments: [[UInt8]]) {
        self.init(kind: head.digit.kind, namespace: head.namespace, id: head.id, data: data, attachments: attachments)
    }
}

extension JSONValue {
    /// Whether an event may not be named so: these are what the libraries call their own.
    fileprivate var isReserved: Bool {
        equals("connect") || equals("connect_error") || equals("disconnect") || equals("disconnecting")
            || equals("newListener") || equals("removeListener")
    }

    /// Checks that every placeholder within stands for one of `count` attachments.
    fileprivate func checkPlaceholders(upTo count: Int) throws(SocketPacketError) {
        if isPlaceholder {
            guard let number = self["num"]?.int64, (0..<Int64(count)).contains(number) else {
                throw .illegalPlaceholder
            }
            return
        }
        try forEachElement { (value) throws(SocketPacketError) in try value.checkPlaceholders(upTo: count) }
        try forEachMember { (_, value) throws(SocketPacketError) in try value.checkPlaceholders(upTo: count) }
    }
}
