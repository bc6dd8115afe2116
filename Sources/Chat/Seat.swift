/// What a connection is there for: what it listens to, and as whom.
package enum Seat: Sendable {
    /// Direct and group messages of one person.
    case chat(User, backlog: BacklogRule)
    /// Both the messages and the notifications of one person, who can ask for what came before.
    case person(User)
    /// Notifications for a person, or for everybody where nobody signed in.
    case notifications(User?)
    case room(RoomName)
    case counter

    /// Whether a connection is given what was stored while its person was nowhere connected.
    package enum BacklogRule: Sendable {
        /// Its dialect can't ask for history.
        case wanted
        /// Its dialect can, so that nothing is owed to the person any more.
        case unneeded
        /// Which dialect it is remains to be seen: nothing is given, and all stays owed.
        case undecided
    }

    package enum Kind: Sendable { case chat, person, notifications, room, counter }

    package var kind: Kind {
        switch self {
        case .chat: .chat
        case .person: .person
        case .notifications: .notifications
        case .room: .room
        case .counter: .counter
        }
    }

    package var user: User? {
        switch self {
        case .chat(let user, _), .person(let user): user
        case .notifications(let user): user
        case .room, .counter: nil
        }
    }

    /// Who writes and reads direct messages here.
    package var chatter: User? {
        switch self {
        case .chat(let user, _), .person(let user): user
        case .notifications, .room, .counter: nil
        }
    }
}
