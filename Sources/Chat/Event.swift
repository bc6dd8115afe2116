/// What people hear of. Each dialect has its own words for some of these, and none for the others.
///
/// An event is one word, which is handed on many times. A message's is looked into without counting what it holds, as
/// what is in a case of an enumeration would be.
package enum Event: Sendable {
    /// A message was stored; heard by its author and by the others in the conversation.
    case message(Message)
    /// Somebody else's back end has stored a message, under its own id, and passes it on to a person; in a conversation,
    /// where it says in which.
    indirect case relayed(Message, in: ConversationID?, to: UserID)
    /// Heard by the others in the conversation; some of them wrote what was read.
    indirect case read(Receipt)
    indirect case typing(TypingSign)
    indirect case notification(Notification)
    /// How many notifications a person has not read; heard by that person's notification sockets.
    indirect case unreadCount(Int, of: UserID)
    /// Somebody is no longer in a conversation.
    indirect case removed(UserID, from: ConversationID)
    indirect case room(RoomName, RoomEvent, except: ConnectionID?)
    indirect case counter(CounterAction, total: Int64, at: Timestamp)
    /// How many connections the counter has.
    indirect case counterUsers(Int)
}

/// What somebody who hears of an event has to do with it: dialects tell some things only to one of the two.
public enum Role: Int, CaseIterable, Sendable {
    /// Wrote something of what was read.
    case author
    /// Anybody else, and whoever hears of a message: authors hear their own where a dialect echoes them.
    case other
    /// Has joined the conversation's room, author or not.
    case joined

    /// Public and inlinable, as it is asked for with each delivery: unless it is both, other modules call it.
    @inlinable public var rawValue: Int {
        switch self {
        case .author: 0
        case .other: 1
        case .joined: 2
        }
    }
}

/// Somebody has read what others wrote.
package struct Receipt: Sendable {
    package let conversation: ConversationID
    package let reader: UserID
    /// Who wrote something that had not been read.
    package let authors: [UserID]
    /// Who else is in the conversation, but for the reader.
    package let others: [UserID]
    package let readAt: Timestamp

    package init(
        conversation: ConversationID, reader: UserID, authors: [UserID], others: [UserID] = [], readAt: Timestamp
    ) {
        self.conversation = conversation
        self.reader = reader
        self.authors = authors
        self.others = others
        self.readAt = readAt
    }
}

/// Somebody has begun to type something for others, or has stopped.
package struct TypingSign: Sendable {
    package let writer: UserID
    package let readers: [UserID]
    /// Two people who have never written to each other have none.
    package let conversation: ConversationID?
    package var isTyping: Bool

    package init(writer: UserID, readers: [UserID], conversation: ConversationID?, isTyping: Bool = true) {
        self.writer = writer
        self.readers = readers
        self.conversation = conversation
        self.isTyping = isTyping
    }
}

/// What a connection hears first.
package enum Welcome: Sendable {
    case notifications(at: Timestamp)
    case counter(Int64)
}

extension Event {
    /// Whether only the members of a room hear it.
    package var isOfRoom: Bool { if case .room = self { true } else { false } }

    /// What is to be heard of a committed outcome, if anything.
    package init?(_ outcome: Outcome) {
        switch outcome {
        case .stored(let message): self = .message(message)
        case .read(let receipt): self = .read(receipt)
        case .notified(let notification): self = .notification(notification)
        case .notificationRead(let reader, let unread): self = .unreadCount(unread, of: reader)
        case .counted(let action, let total, let time): self = .counter(action, total: total, at: time)
        case .notice(_, let announcement):
            guard let announcement else { return nil }
            self = .notification(announcement)
        case .started, .joined, .repeated, .notifiedBefore, .unchanged, .refused: return nil
        }
    }
}
