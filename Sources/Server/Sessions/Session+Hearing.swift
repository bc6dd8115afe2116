import Chat
import Dialects
import EventLoop

// What the client is told.

extension Session {
    /// Passes on an event's frame, which others share.
    func hear(_ frame: consuming [UInt8]) {
        if held == nil { send(frame) } else { hold(frame, nil) }
    }

    /// Passes on a message's frame and keeps account of what has reached the person.
    func hear(_ frame: consuming [UInt8], of message: MessageID) {
        // Until all has been sent that waited, the next part will have it, where there is one.
        if feed != .live, name.dialect.wantsBacklog { return }
        if held == nil { send(frame, of: message) } else { hold(frame, message) }
    }

    func send(_ frame: consuming [UInt8]) {
        hub.meter.sent(name)
        carrier.send(frame)
    }

    private func send(_ frame: consuming [UInt8], of message: MessageID) {
        // Of a message, clients of some dialects hear twice.
        if account.lastSent < message {
            // This one has not left yet.
            if !isAcknowledged { confirm(upTo: MessageID(message.rawValue - 1)) }
            account.sent(upTo: message)
        }
        send(frame)
        note()
    }

    /// Passes on a notification's frame, and the new number of those unread after it.
    func hearNotification(_ frame: [UInt8]) {
        hear(frame)
        guard case .notifications(.some) = seat else { return }
        unread += 1
        tellUnread()
    }

    func setUnread(_ count: Int) {
        unread = count
        tellUnread()
    }

    func tellUnread() {
        guard case .notifications(let user?) = seat else { return }
        let event = Event.unreadCount(unread, of: user.id)
        var frames = Frames(event)
        if let frame = frames.frame(for: name) { hear(frame, inPassing: event) }
    }

    /// The writer tells what became of a change that the client asked for.
    func answer(_ answer: Answer, _ ticket: Ticket) {
        requests.changeEnded()
        if case .joined(let conversation) = answer { join(conversation) }
        tell(answer, ticket)
        goOn()
    }

    /// Shows the client what it asked to see.
    func reply(_ reply: Look.Reply) {
        if let refusal = reply.refusal { hub.note(RefusalReason(refusal)) }
        if let held {
            held.answer(reply.frame, newest: reply.newest)
            return releaseHistory()
        }
        if let frame = reply.frame { send(frame) }
        requests.lookEnded()
        goOn()
    }

    // MARK: - Histories

    private func hold(_ frame: [UInt8], _ message: MessageID?) {
        held?.append(frame, message)
        if let bytes = held?.bytes, bytes > hub.settings.sendQueue { carrier.overflowed() }
    }

    /// Sends a history that was found, and what was held back for it, once all that it shows has been heard.
    ///
    /// - Parameter isLate: Whether to wait no longer: what another process wrote is never heard.
    func releaseHistory(isLate: Bool = false) {
        guard let held, let reply = held.reply else { return }
        if reply.newest > max(hub.newestMessage, account.seatedAt), !isLate {
            if historyDeadline == .max { historyDeadline = hub.wheel.now + DeadlineWheel.resolution }
            carrier.updateDeadline()
            return hub.waitForMessages(of: carrier.id)
        }
        historyDeadline = .max
        self.held = nil
        for (frame, message) in held.inOrder() {
            if let message { send(frame, of: message) } else { send(frame) }
        }
        requests.lookEnded()
        goOn()
    }

    /// What was held back for a client while it was found out what it had missed: it comes behind that, or not at all.
    func releaseHeld(isWanted: Bool) {
        guard let held = held.take(), isWanted else { return }
        for (frame, message) in held.inOrder() {
            if let message { send(frame, of: message) } else { send(frame) }
        }
    }

    func tell(_ answer: Answer, _ ticket: Ticket) {
        if let refusal = answer.refusal { hub.note(RefusalReason(refusal)) }
        var answer = answer
        if case .stored(let id, isRecipientPresent: false) = answer, !hub.settings.erpOfflineNotice {
            answer = .stored(id, isRecipientPresent: true)
        }
        if case .refused(let refusal) = answer, ticket.isMessage { answer = .notSent(refusal) }
        if let frame = Frames.frame(in: name, { $0.encode(answer, into: &$1) }) { send(frame) }
        if let id = ticket.acknowledgement {
            send(Frames.acknowledgement(of: id) { name.dialect.acknowledge(answer, into: &$0) })
        }
    }

    func welcome(_ welcome: Welcome) {
        if let frame = Frames.frame(in: name, { $0.encode(welcome, into: &$1) }) { send(frame) }
    }
}
