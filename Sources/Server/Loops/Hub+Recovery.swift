import Chat
import Storage

/// For clients of Socket.IO that come back.
extension Hub {
    /// What clients are told with an event, to come back to.
    func offset(of number: EventNumber) -> EventOffset {
        EventOffset(number, at: recoveries.node.map { EventOffset.Place(node: $0, position: position) })
    }

    /// How far the store had got where this loop has got in the stream of events, for all that its clients may hear of.
    var position: StorePosition { StorePosition(message: newestMessage, notification: newestNotification) }

    /// Where a seat is taken that comes next.
    func reached(_ position: StorePosition) {
        newestMessage = max(newestMessage, position.message)
        newestNotification = max(newestNotification, position.notification)
    }

    /// The store has made a client this node's that was here or elsewhere before.
    func returned(_ returned: KeptClients.Returned, to id: ConnectionID) {
        if returned.isNewNode { recoveries.nodeIsNew() }
        if let client = carrier(id) as? SocketIOClient, client.returned(returned) { return }
        // It is gone again.
        recoveries.takeOver(returned.client, for: nil, at: newestEvent)
    }

    /// Looks up what a client missed; the answer comes as mail.
    func look(for comeback: Comeback, of id: ConnectionID) {
        let exchange = exchange
        let isQueued = archive.submit { store in
            exchange.send(.cluster(.caughtUp(id, comeback.frames(from: store))), to: id)
        }
        if !isQueued { exchange.send(.cluster(.caughtUp(id, nil)), to: id) }
    }

    // MARK: - The log

    /// What a client missed that comes back, with what each event is to it; `nil` where that is not known any more.
    func events(after offset: EventOffset) -> [(event: Event, offset: EventOffset)]? {
        if offset.number > newestEvent { return nil }
        let first = offset.isPartial ? offset.number : offset.number.next
        return first > newestEvent ? [] : eventLog.events(from: first)
    }

    /// Whether somebody who joined a conversation's room was removed from it since: another loop may not have heard yet.
    func isRemoved(_ user: UserID, from conversation: ConversationID, since number: EventNumber) -> Bool {
        eventLog.isRemoved(user, from: conversation, since: number)
    }

    func tidyEventLog() {
        if recoveries.isNeeded {
            // A little longer than clients may stay away.
            let kept = ticks.recovery + DeadlineWheel.resolution
            if wheel.now > kept { eventLog.forget(upTo: wheel.now - kept) }
        } else {
            eventLog = EventLog()
        }
    }

    /// A person was deleted. What the log holds of them can't be told from what others need, so all of it goes: clients
    /// that come back fetch their histories.
    func forget(_ user: UserID) {
        eventLog.forgetEvents()
        if index != 0 { return }
        recoveries.forget(user)
        for readers in [api.readers, archive] { readers.tellAll { $0.accounts.forget(user) } }
    }
}
