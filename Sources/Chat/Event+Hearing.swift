extension Event {
    /// What a person who can ask for what came before has to do with this, in the order in which they hear it; nothing
    /// where it is not for them.
    ///
    /// - Parameter joined: The conversations whose rooms they have joined.
    package func roles(of user: User, joined: Set<ConversationID>) -> [Role] {
        switch self {
        case .message(let message):
            let isRecipient = message.recipients.contains(user.id)
            let hasJoined = joined.contains(message.conversation) && (isRecipient || message.sender.id == user.id)
            return (hasJoined ? [.joined] : []) + (isRecipient ? [.other] : [])
        case .read(let receipt):
            guard receipt.others.contains(user.id) else { return [] }
            return [receipt.authors.contains(user.id) ? .author : .other]
        case .relayed(_, _, let recipient): return recipient == user.id ? [.other] : []
        case .typing(let sign): return sign.readers.contains(user.id) ? [.other] : []
        case .notification(let notification):
            switch notification.audience {
            case .everybody: return [.other]
            case .college(let college): return college == user.college ? [.other] : []
            case .person(let person): return person == user.id ? [.other] : []
            }
        case .unreadCount, .removed, .room, .counter, .counterUsers: return []
        }
    }
}
