package import Chat

/// A group of a Django channel layer that Switchboard's clients are in, and whose they are here.
package enum ChannelGroup: Hashable, Sendable {
    /// `user_7`: messages for a person.
    case chat(UserID)
    /// `notifications_7`
    case notifications(UserID)
    /// `college_notifications_5`
    case college(CollegeID)
    /// `notifications`: everybody with a notification socket.
    case everybody
    /// `chat_general`
    case room(RoomName)
    /// `global_counter`
    case counter

    package var name: String {
        switch self {
        case .chat(let user): "user_\(user)"
        case .notifications(let user): "notifications_\(user)"
        case .college(let college): "college_notifications_\(college.rawValue)"
        case .everybody: "notifications"
        case .room(let room): "chat_\(room.text)"
        case .counter: "global_counter"
        }
    }
}
