import Chat

/// What an event is about, for the metrics.
enum EventKind: Int, CaseIterable, Sendable {
    case message, read, typing, notification, unreadCount, room, counter, counterUsers
    /// Members who are no more: nobody is sent that.
    case removed

    init(_ event: Event) {
        self =
            switch event {
            case .message: .message
            case .read: .read
            case .typing: .typing
            case .notification: .notification
            case .unreadCount: .unreadCount
            case .removed: .removed
            case .room: .room
            case .counter: .counter
            case .counterUsers: .counterUsers
            }
    }

    /// Whether it is heard of after a commit.
    var isStored: Bool {
        switch self {
        case .message, .read, .notification, .unreadCount, .counter, .removed: true
        case .typing, .room, .counterUsers: false
        }
    }

    var label: String { "\(self)".snakeCase }
}
