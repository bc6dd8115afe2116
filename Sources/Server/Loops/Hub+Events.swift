import Chat
import Dialects
import Storage
import WebSocket

/// What is heard on a loop, and by whom.
extension Hub {
    func subscribe(_ session: Session, to topic: Topic) { topics.subscribe(session, to: topic) }
    func unsubscribe(_ session: Session, from topic: Topic) { topics.unsubscribe(session, from: topic) }
    func unsubscribe(_ session: Session) { topics.unsubscribe(session) }

    func deliver(_ event: Event) {
        // Those of rooms don't reach every loop, and nobody comes back to them.
        var isRecoverable = false
        if !event.isOfRoom {
            newestEvent = newestEvent.next
            isRecoverable = recoveries.isNeeded
        }
        if case .message(let message) = event { newestMessage = message.id }
        if case .notification(let notification) = event { newestNotification = notification.id }
        let offset = isRecoverable ? offset(of: newestEvent) : nil
        if let offset { eventLog.append(event, offset, limit: settings.recoveryLog, at: wheel.now) }
        var frames = Frames(event, offset)
        switch event {
        case .message(let message):
            let id = message.id
            topics.forEachMember(of: .conversation(message.conversation)) { session in
                if let frame = frame(&frames, for: session, as: .joined) { session.hear(frame, of: id) }
            }
            for recipient in message.recipients {
                topics.forEachMember(of: .chat(recipient)) { session in
                    if let frame = frame(&frames, for: session) { session.hear(frame, of: id) }
                }
            }
            topics.forEachMember(of: .chat(message.sender.id)) { session in
                session.hasSent(message)
                if session.name.dialect.echoesMessages, let frame = frame(&frames, for: session) {
                    session.hear(frame, of: id)
                }
            }
        case .relayed(_, _, let recipient):
            send(&frames, to: .chat(recipient))
        case .read(let receipt):
            for other in receipt.others {
                send(&frames, to: .chat(other), as: receipt.authors.contains(other) ? .author : .other)
            }
        case .typing(let sign):
            for reader in sign.readers { mention(event, &frames, to: .chat(reader)) }
        case .notification(let notification):
            let topic: Topic =
                switch notification.audience {
                case .person(let user): .notifications(user)
                case .college(let college): .collegeNotifications(college)
                case .everybody: .everybodysNotifications
                }
            topics.forEachMember(of: topic) { session in
                if let frame = frame(&frames, for: session) { session.hearNotification(frame) }
            }
        case .unreadCount(let count, let user):
            topics.forEachMember(of: .notifications(user)) { session in
                session.setUnread(count)
                frames.hearers += 1
            }
        case .removed(let user, let conversation):
            topics.forEachMember(of: .chat(user)) { session in session.leave(conversation) }
            if isRecoverable { recoveries.remove(user, from: conversation, at: newestEvent) }
        case .room(let room, .said, _):
            send(&frames, to: .room(room))
        case .room(let room, _, let exception):
            let except = exception.flatMap { carrier($0, ifOn: index) }?.session
            mention(event, &frames, to: .room(room), except: except)
        case .counter, .counterUsers:
            mention(event, &frames, to: .counter)
        }
        if frames.hearers > 0 { meter.heard(EventKind(event), by: frames.hearers) }
    }

    private func send(_ frames: inout Frames, to topic: Topic, as role: Role = .other) {
        topics.forEachMember(of: topic) { session in
            if let frame = frame(&frames, for: session, as: role) { session.hear(frame) }
        }
    }

    /// Passes on what is held back of those who are behind with reading.
    private func mention(_ event: Event, _ frames: inout Frames, to topic: Topic, except: Session? = nil) {
        topics.forEachMember(of: topic) { session in
            if session !== except, let frame = frame(&frames, for: session) { session.hear(frame, inPassing: event) }
        }
    }

    /// An event's frame for a session, compressed where it shares that with others.
    private func frame(_ frames: inout Frames, for session: Session, as role: Role = .other) -> [UInt8]? {
        guard let frame = frames.frame(for: session.name, as: role) else { return nil }
        frames.hearers += 1
        if session.sharedCompression == 0 { return frame }
        let length = FrameEncoder.payload(of: frame).count
        guard length >= settings.deflateThreshold, length <= Int(session.sharedCompression) else { return frame }
        return frames.deflated(for: session.name, as: role) { deflate($0) }
    }

    private func carrier(_ id: ConnectionID, ifOn shard: UInt16) -> Carrier? { id.shard == shard ? carrier(id) : nil }
}
