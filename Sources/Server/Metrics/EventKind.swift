import Chat

/// What an event is about, for the metrics.
enum EventKind: Int, CaseIterable, Sendable {
    case message, relayed, read, typing, notification, unreadCount, room, counter, counterUsers
    /// Members who are no more: nobody is sent that.
    case removed
    /// What a back end emits to clients of Socket.IO.
    case emitted

    init(_ event: Event) {
        self =
            switch event {
            case .message: .message
            case .relayed: .relayed
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
        case .relayed, .typing, .room, .counterUsers, .emitted: false
        }
    }

    var label: String { "\(self)".snakeCase }
}
