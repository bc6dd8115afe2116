import JSON
import SocketIO

// libFuzzer calls from one thread only.
nonisolated(unsafe) private let parser = JSONParser(maximumLength: 4096)

/// What a packet says, apart from the parser's memory.
private struct Said: Equatable {
    let kind: SocketPacket.Kind
    let namespace: String
    let id: UInt64?
    let data: [UInt8]?
    let attachments: [[UInt8]]

    init(_ packet: SocketPacket) {
        kind = packet.kind
        namespace = packet.namespace
        id = packet.id
        data = packet.data.map {
            var json = JSONWriter()
            json.append($0)
            return json.bytes
        }
        attachments = packet.attachments
    }
}

/// Each event and acknowledgement that is read, written anew, must read back as the same.
///
/// - Parameter input: Messages with `0x1E` between them; a binary one begins with `0x1F`.
func readMessages(_ input: [UInt8]) {
    var decoder = SocketPacketDecoder(maximumAttachments: 4, maximumLength: 2048)
    for message in input.split(separator: Payload.separator, omittingEmptySubsequences: false) {
        do throws(SocketPacketError) {
            guard let packet = try read(message, &decoder) else {
                precondition(decoder.isWaiting, "a packet got lost")
                continue
            }
            precondition(!decoder.isWaiting && packet.attachments.count <= 4, "a packet came too soon")
            // By bytes: a mark that combines with the slash makes another character of it.
            let namespace = packet.namespace.utf8
            precondition(!namespace.contains(UInt8(ascii: ",")) && namespace.first == UInt8(ascii: "/"), "no namespace")
            let said = Said(packet)
            guard let written = rewritten(packet) else { continue }
            var again = SocketPacketDecoder(maximumAttachments: 4, maximumLength: 8192)
            var reread = try unsafe again.decode(text: written.span.extracting(1...), with: parser).map(Said.init)
            for attachment in said.attachments {
                reread = try unsafe again.decode(binary: attachment.span, with: parser).map(Said.init)
            }
            precondition(reread == said, "what was written reads back as something else")
        } catch {
            decoder = SocketPacketDecoder(maximumAttachments: 4, maximumLength: 2048)
        }
    }
}

private func read(
    _ message: ArraySlice<UInt8>, _ decoder: inout SocketPacketDecoder
) throws(SocketPacketError) -> SocketPacket? {
    let bytes = Array(message)
    if bytes.first == 0x1F { return try unsafe decoder.decode(binary: bytes.span.extracting(1...), with: parser) }
    // A websocket has checked its texts, and a payload too.
    guard String(validating: bytes, as: UTF8.self) != nil else { throw .unknownKind }
    return try unsafe decoder.decode(text: bytes.span, with: parser)
}

/// The packet as a server would send it; `nil` if only a client sends such.
private func rewritten(_ packet: SocketPacket) -> [UInt8]? {
    switch packet.kind {
    case .event:
        guard let name = packet.name else { preconditionFailure("an event without a name") }
        return SocketPacketEncoder.event(
            name, to: packet.namespace, id: packet.id, attachments: packet.attachments.count
        ) { json in
            packet.forEachArgument { argument in
                precondition(packet.attachment(for: argument).map(packet.attachments.contains) ?? true)
                json.append(argument)
            }
        }
    case .acknowledgement:
        guard let id = packet.id else { preconditionFailure("an acknowledgement of nothing") }
        return SocketPacketEncoder.acknowledgement(
            of: id, to: packet.namespace, attachments: packet.attachments.count
        ) { json in packet.forEachArgument { json.append($0) } }
    case .disconnect where packet.id == nil: return SocketPacketEncoder.disconnected(from: packet.namespace)
    case .disconnect, .connect, .connectError: return nil
    }
}
