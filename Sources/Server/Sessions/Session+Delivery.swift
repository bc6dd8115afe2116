import Chat
import Dialects
import Storage

// What its person was owed, and what of their messages has arrived.

extension Session {
    /// Where a connection stands with what its person was owed.
    enum Feed {
        /// A part is on its way to the client; the next is asked for when it has left.
        case sending
        /// The writer is asked.
        case asking
        /// All has been sent. Until then, messages are left to the next part.
        case live
    }

    func send(_ backlog: Store.Backlog, to user: User) {
        for message in backlog.messages where name.dialect.wantsBacklog {
            var frames = Frames(.message(message.addressed(to: [user.id])))
            if let frame = frames.frame(for: name) { send(frame) }
        }
        if backlog.messages.isEmpty { account.heard(backlog.end) }
        account.sent(upTo: backlog.end)
        feed = backlog.isComplete ? .live : .sending
        if backlog.isComplete {
            if account.isUnderWay || !isAcknowledged { note() }
        } else {
            carrier.tellWhenDrained()
            if carrier.queuedBytes == 0 { drained() }
        }
    }

    /// Asks for the next part of the backlog, or for the end of it where the dialect needs none.
    func askForBacklog() {
        feed = .asking
        confirm()
        guard let delivery else { return }
        hub.writer.submitAnyway(
            .continueBacklog(
                delivery, sent: account.lastSent, name.dialect.wantsBacklog ? .wanted : .unneeded))
    }

    /// Notes the newest message up to which nothing is missing. Who listens live and has nothing under way has missed
    /// none that its loop has heard of, whomever they were for. Of a client that can ask for what it missed, what has
    /// been given to the kernel is under way no more.
    ///
    /// - Parameter limit: What comes behind it is only about to be sent.
    func confirm(upTo limit: MessageID? = nil) {
        let isLive = feed == .live && listens
        let heard = isLive ? min(hub.newestMessage, limit ?? hub.newestMessage) : nil
        if isAcknowledged {
            if let heard { account.heard(heard) }
        } else if carrier.queuedBytes == 0, held == nil {
            account.confirm(heard: heard)
        }
    }

    /// A pong has come.
    func acknowledged(_ payload: Span<UInt8>) {
        guard let message = MessageID(cursor: payload), account.acknowledged(message), let delivery else { return }
        hub.writer.submitAnyway(.delivered([delivery]))
    }

    /// The client has closed by itself. What is on its way then it may never look at: a page drops what comes after its
    /// `close()`.
    func closedByPeer() {
        confirm()
        isBroken = account.isUnderWay
    }

    func note() {
        if isNoted { return }
        isNoted = true
        hub.noteDelivery(to: carrier.id, isAcknowledged: isAcknowledged)
        ask()
    }

    /// Has the client acknowledge what it was sent: at once after a time of quiet, and with each tick while more comes.
    private func ask() {
        if isAcknowledged, let message = account.ask() { carrier.ping(hub.ping(for: message)) }
    }

    /// What this connection can vouch for.
    var delivery: Delivery? {
        seat.chatter.flatMap { account.delivery(to: $0.id, by: carrier.id) }
    }

    /// For the account that is kept once a second, and with each tick where the client is asked for it.
    ///
    /// - Returns: What has arrived, unless that was told when it was acknowledged.
    func takeNote() -> Delivery? {
        confirm()
        ask()
        isNoted = account.isUnderWay
        if isNoted { hub.noteDelivery(to: carrier.id, isAcknowledged: isAcknowledged) }
        return isAcknowledged ? nil : delivery
    }
}
