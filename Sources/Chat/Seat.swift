/// What a connection is there for: what it listens to, and as whom.
package enum Seat: Sendable {
    /// Direct and group messages of one person. A dialect that can't ask for history is given what was stored
    /// while the person was nowhere connected.
    case chat(User, wantsBacklog: Bool)
    /// Notifications for a person, or for everybody where nobody signed in.
    case notifications(User?)
    case room(RoomName)
    case counter

    package enum Kind: Sendable { case chat, notifications, room, counter }

    package var kind: Kind {
        switch self {
        case .chat: .chat
        case .notifications: .notifications
        case .room: .room
        case .counter: .counter
        }
    }

    package var user: User? {
        switch self {
        case .chat(let user, _): user
        case .notifications(let user): user
        case .room, .counter: nil
        }
    }
}
