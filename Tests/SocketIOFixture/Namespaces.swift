import JSON
import SocketIO

/// Socket.IO for one client: the namespaces `/` and `/custom`, each with an `auth` event at once, and echoes.
final class Namespaces: Application {
    private static let names: Set = ["/", "/custom"]

    private var decoder = SocketPacketDecoder()
    private let parser: JSONParser
    private var joined: Set<String> = []
    /// When the client is closed, unless it is in a namespace by then.
    private var deadline: UInt64

    /// - Parameter maximumLength: Of what a client sends, in bytes.
    init(maximumLength: Int, closingAt deadline: UInt64) {
        parser = JSONParser(maximumLength: maximumLength)
        self.deadline = deadline
    }

    func timePassed(_ session: Session) {
        guard session.now >= deadline else { return }
        deadline = .max
        session.close()
    }

    func received(_ message: Span<UInt8>, isText: Bool, from session: Session) {
        do throws(SocketPacketError) {
            let packet =
                isText
                ? try decoder.decode(text: message, with: parser) : try decoder.decode(binary: message, with: parser)
            if let packet { received(packet, from: session) }
        } catch {
            session.close()
        }
    }

    private func received(_ packet: SocketPacket, from session: Session) {
        let isJoined = joined.contains(packet.namespace)
        switch packet.kind {
        case .connect where !isJoined: connect(packet, session)
        case .disconnect where isJoined: joined.remove(packet.namespace)
        case .event where isJoined: echo(packet, session)
        case .acknowledgement where isJoined: break
        case .connect, .disconnect, .event, .acknowledgement, .connectError: session.close()
        }
    }

    private func connect(_ packet: SocketPacket, _ session: Session) {
        let namespace = packet.namespace
        guard Self.names.contains(namespace) else {
            return session.send(.text(SocketPacketEncoder.refused("Invalid namespace", to: namespace)[...]))
        }
        joined.insert(namespace)
        deadline = .max
        session.send(.text(SocketPacketEncoder.connected(to: namespace, sid: Sessions.randomID())[...]))
        session.send(
            .text(
                SocketPacketEncoder.event("auth", to: namespace) { json in
                    if let auth = packet.data { json.append(auth) } else { json.object { _ in } }
                }[...]))
    }

    private func echo(_ packet: SocketPacket, _ session: Session) {
        let text: [UInt8]
        if packet.name?.equals("message") == true {
            text = SocketPacketEncoder.event(
                "message-back", to: packet.namespace, attachments: packet.attachments.count
            ) { json in packet.forEachArgument { json.append($0) } }
        } else if packet.name?.equals("message-with-ack") == true, let id = packet.id {
            text = SocketPacketEncoder.acknowledgement(
                of: id, to: packet.namespace, attachments: packet.attachments.count
            ) { json in packet.forEachArgument { json.append($0) } }
        } else {
            return
        }
        session.send(.text(text[...]))
        for attachment in packet.attachments { session.send(.binary(attachment[...])) }
    }
}
