import Chat
import Dialects
import Storage

/// What the hub has looked up on other threads; the answers come as mail.
extension Hub {
    /// Looks something up for a connection; the answer comes as mail, in words of its dialect.
    func look(_ query: Query, as user: User, in name: DialectName, for id: ConnectionID) {
        let (exchange, limit) = (exchange, settings.sendQueue / 4 * 3)
        let isQueued = archive.submit { store in
            exchange.send(.reply(id, Look(query, user, bytes: limit).reply(in: name, from: store)), to: id)
        }
        if !isQueued { exchange.send(.reply(id, Look.Reply(.refused(.storeBusy), in: name)), to: id) }
    }

    /// Finds out who hears that somebody types; the answer comes as mail.
    func findReaders(
        of destination: Destination, isTyping: Bool, by writer: User, addressee: UserID?, for id: ConnectionID
    ) {
        let exchange = exchange
        let isQueued = api.readers.submit { store in
            var found: Result<TypingSign, Refusal> = .failure(.storeUnavailable)
            if let result = try? store.conversations.readers(of: destination, writer: writer.id) {
                found = result.flatMap { sign in
                    if let addressee, !sign.readers.contains(addressee) { return .failure(.unknownRecipient) }
                    var sign = sign
                    sign.isTyping = isTyping
                    return .success(sign)
                }
            }
            exchange.send(.typing(id, found, for: destination), to: id)
        }
        if !isQueued { exchange.send(.typing(id, .failure(.storeBusy), for: destination), to: id) }
    }

    // MARK: - What was missed of other nodes

    /// How many notifications people have not read; who was told so hears nothing.
    func recount(_ unread: [UserID: Int]) {
        for (user, count) in unread {
            topics.forEachMember(of: .notifications(user)) { session in
                if session.unread != count { session.setUnread(count) }
            }
        }
    }

    /// Finds out whether those who have joined conversations' rooms are members still.
    func lookForMemberships() {
        // Nor can the log tell those who come back.
        eventLog.forgetEvents()
        for carrier in carriers {
            guard let session = carrier.session, !session.joined.isEmpty, let user = session.seat.user else { continue }
            let (exchange, id, joined) = (exchange, carrier.id, session.joined)
            _ = archive.submit { store in
                let left = joined.filter { (try? store.conversations.isMember(user.id, of: $0)) == false }
                if !left.isEmpty { exchange.send(.cluster(.expelled(id, Array(left))), to: id) }
            }
        }
    }
}
