/// What people hear of. Each dialect has its own words for some of these, and none for the others.
package enum Event: Sendable {
    /// A message was stored; heard by its recipients.
    case message(Message, for: [UserID])
    /// A person read what the author had written; heard by the author.
    case read(ConversationID, by: UserID, author: UserID, at: Timestamp)
    case typing(UserID, to: UserID)
    case notification(Notification)
    /// How many notifications a person has not read; heard by that person's notification sockets.
    case unreadCount(Int, of: UserID)
    case room(RoomName, RoomEvent, except: ConnectionID?)
    case counter(CounterAction, total: Int64, at: Timestamp)
    /// How many connections the counter has.
    case counterUsers(Int)
}

/// What a connection hears first.
package enum Welcome: Sendable {
    case notifications(at: Timestamp)
    case counter(Int64)
}

extension Event {
    /// What is to be heard of a committed outcome, if anything.
    package init?(_ outcome: Outcome) {
        switch outcome {
        case .stored(let message, let recipients): self = .message(message, for: recipients)
        case .read(let conversation, let reader, let author, let time):
            self = .read(conversation, by: reader, author: author, at: time)
        case .notified(let notification): self = .notification(notification)
        case .notificationRead(let reader, let unread): self = .unreadCount(unread, of: reader)
        case .counted(let action, let total, let time): self = .counter(action, total: total, at: time)
        case .repeated, .unchanged, .refused: return nil
        }
    }
}
