import Chat

/// What was held back of a client that is behind with reading, until it has caught up: of what a later one replaces, the
/// newest; of the counter's changes, what they make together; of signs of typing, those that end one. The rest was of the
/// moment.
struct HeldBack {
    private var counter: CounterDigest?
    private var counterUsers: Int?
    private var unread: (count: Int, user: UserID)?
    private var stops: [Typist: TypingSign] = [:]

    /// Who types where.
    private struct Typist: Hashable {
        let writer: UserID
        let conversation: ConversationID?

        init(_ sign: TypingSign) { (writer, conversation) = (sign.writer, sign.conversation) }
    }

    /// More people than a screen can show typing.
    private static let mostStops = 256

    /// Takes an event in.
    ///
    /// - Returns: Whether that is all that has to be done of it; otherwise it is to be sent like what is durable.
    mutating func add(_ event: Event) -> Bool {
        switch event {
        case .counter(let action, let total, let time):
            if counter?.add(action, total: total, at: time) == nil {
                counter = CounterDigest(action, total: total, at: time)
            }
        case .counterUsers(let count): counterUsers = count
        case .unreadCount(let count, let user): unread = (count, user)
        case .typing(let sign):
            if sign.isTyping {
                // The client knows of the time before the stop, which then is no news.
                stops[Typist(sign)] = nil
            } else if stops.count < Self.mostStops {
                stops[Typist(sign)] = sign
            } else {
                return false
            }
        case .room(_, .joined, _), .room(_, .left, _): break
        case .room, .message, .relayed, .read, .notification, .removed: return false
        }
        return true
    }

    /// What is to be told when the client has caught up.
    var events: [Event] {
        var events = counter?.events ?? []
        if let counterUsers { events.append(.counterUsers(counterUsers)) }
        if let unread { events.append(.unreadCount(unread.count, of: unread.user)) }
        events += stops.values.map { .typing($0) }
        return events
    }
}
