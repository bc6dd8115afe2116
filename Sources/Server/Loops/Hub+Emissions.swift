import Chat
import Cluster
import Dialects
import JSON
import SocketIO
import WebSocket

// What back ends ask of clients of Socket.IO, through Redis.

extension Hub {
    /// Rooms that one client may be in, those that it joined itself among them.
    private static let mostRooms = 1000

    func deliver(_ emission: Emission) {
        let audience = audience(of: emission)
        switch emission.order {
        case .event(let elements, let attachments):
            if !audience.isEmpty { send(elements, attachments, to: audience) }
        case .join(let rooms):
            for session in audience {
                for case .socketRoom(let room) in rooms.map(Topic.init(socketIORoom:)) {
                    let topic = Topic.socketRoom(room)
                    let isIn = session.subscriptions.contains { $0.topic == topic }
                    if !isIn, session.subscriptions.count < Self.mostRooms { subscribe(session, to: topic) }
                }
            }
        case .leave(let rooms):
            for session in audience {
                for case .socketRoom(let room) in rooms.map(Topic.init(socketIORoom:)) {
                    unsubscribe(session, from: .socketRoom(room))
                }
            }
        case .disconnect:
            for session in audience { (session.carrier as? SocketIOClient)?.disconnect() }
        }
    }

    private func send(_ elements: [[UInt8]], _ attachments: [[UInt8]], to audience: [Session]) {
        let packet = SocketPacketEncoder.event(attachments: attachments.count, behind: FrameEncoder.room) { json in
            for element in elements { json.raw(element) }
        }
        let frame = FrameEncoder.finish(.text, packet)
        let behind = attachments.map { FrameEncoder.frame(.binary, $0.span) }
        for session in audience {
            session.send(frame)
            for attachment in behind { session.carrier.send(binary: attachment) }
        }
        meter.heard(.emitted, by: UInt64(audience.count))
    }

    /// Each client once, however many of the rooms it is in.
    private func audience(of emission: Emission) -> [Session] {
        var known = Set(emission.except.flatMap { members(of: Topic(socketIORoom: $0)) }.map(ObjectIdentifier.init))
        let topics = emission.rooms.isEmpty ? [.everybodysNotifications] : emission.rooms.map(Topic.init(socketIORoom:))
        return topics.flatMap { members(of: $0) }.filter { known.insert(ObjectIdentifier($0)).inserted }
    }

    private func members(of topic: Topic) -> [Session] {
        var members: [Session] = []
        topics.forEachMember(of: topic) { session in
            if session.name.dialect.transport == .socketIO { members.append(session) }
        }
        return members
    }
}

extension Topic {
    /// What a back end means by a room: `user_7` is a person and `conversation_9` a conversation, also with `:` or `-`
    /// between; all else is the id of a socket, or a room of its own.
    fileprivate init(socketIORoom name: String) {
        for (word, make) in [("user", { .chat(UserID($0)) }), ("conversation", { .conversation(ConversationID($0)) })]
            as [(String, (Int64) -> Topic)]
        {
            let rest = name.dropFirst(word.count)
            guard name.hasPrefix(word), let mark = rest.first, "_:-".contains(mark) else { continue }
            if let id = Int64(rest.dropFirst()), id > 0 {
                self = make(id)
                return
            }
        }
        self = .socketRoom(name)
    }
}
