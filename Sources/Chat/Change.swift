/// What is to be made durable.
package enum Change: Sendable {
    case send(Draft, from: User, to: Destination, at: Timestamp)
    case markRead(Destination, by: UserID, at: Timestamp)
    /// The one conversation of two people.
    case startConversation(by: User, with: UserID, at: Timestamp)
    case notify(Audience, NotificationContent, at: Timestamp)
    case readNotification(NotificationID, by: UserID, at: Timestamp)
    case count(CounterAction, at: Timestamp)
}

/// What the store made of a change; true once the transaction around it is on the disk.
package enum Outcome: Sendable {
    /// A message, and who else is in its conversation.
    case stored(Message, for: [UserID])
    /// What was stored before under the same name; nothing more was done.
    case repeated(Message)
    case read(Receipt)
    case started(Conversation, isNew: Bool)
    case notified(Notification)
    case notificationRead(by: UserID, unread: Int)
    case counted(CounterAction, total: Int64, at: Timestamp)
    /// The change was allowed and made no difference.
    case unchanged
    case refused(Refusal)
}
