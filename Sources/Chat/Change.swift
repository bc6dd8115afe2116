/// What is to be made durable.
package enum Change: Sendable {
    case sendDirect(
        from: User, to: UserID, text: String, attachment: Attachment? = nil, clientID: ClientID?, at: Timestamp)
    case markRead(by: UserID, from: UserID, at: Timestamp)
    case notify(Audience, NotificationContent, at: Timestamp)
    case readNotification(NotificationID, by: UserID, at: Timestamp)
    case count(CounterAction, at: Timestamp)
}

/// What the store made of a change; true once the transaction around it is on the disk.
package enum Outcome: Sendable {
    case stored(Message, for: [UserID])
    /// A repeat of what was stored before; nothing more was done.
    case repeated(MessageID)
    case read(ConversationID, by: UserID, author: UserID, at: Timestamp)
    case notified(Notification)
    case notificationRead(by: UserID, unread: Int)
    case counted(CounterAction, total: Int64, at: Timestamp)
    /// The change was allowed and made no difference.
    case unchanged
    case refused(Refusal)
}
