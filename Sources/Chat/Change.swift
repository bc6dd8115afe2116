/// What is to be made durable.
package indirect enum Change: Sendable {
    case send(Draft, from: User, to: Destination, at: Timestamp)
    case markRead(Destination, by: UserID, at: Timestamp)
    /// The one conversation of two people.
    case startConversation(by: User, with: UserID, at: Timestamp)
    /// Changes nothing, but is carried out in its place among the changes: whoever joins hears all that comes after it.
    case join(ConversationID, by: UserID)
    case notify(Audience, NotificationContent, key: RequestKey? = nil, at: Timestamp)
    case readNotification(NotificationID, by: UserID, at: Timestamp)
    case readAllNotifications(by: UserID)
    case addNotice(NoticeDraft, isPublished: Bool, key: RequestKey?, at: Timestamp)
    case publishNotice(NoticeID, at: Timestamp)
    case count(CounterAction, key: RequestKey? = nil, at: Timestamp)
}

/// What the store made of a change; true once the transaction around it is on the disk.
package enum Outcome: Sendable {
    case stored(Message)
    /// What was stored before under the same name; nothing more was done.
    case repeated(Message)
    indirect case read(Receipt)
    indirect case started(Conversation, isNew: Bool)
    case joined(ConversationID)
    indirect case notified(Notification)
    /// What was sent before under the same name.
    indirect case notifiedBefore(Notification)
    indirect case notificationRead(by: UserID, unread: Int)
    /// A notice as it is now, and what its audience is told of it, if it was not told before.
    indirect case notice(Notice, announced: Notification?)
    indirect case counted(CounterAction, total: Int64, at: Timestamp)
    /// The change was allowed and made no difference.
    case unchanged
    case refused(Refusal)

    /// Whether something was written.
    package var isChange: Bool {
        switch self {
        case .stored, .read, .started(_, isNew: true), .notified, .notificationRead, .notice, .counted: true
        case .started(_, isNew: false), .joined, .repeated, .notifiedBefore, .unchanged, .refused: false
        }
    }
}
