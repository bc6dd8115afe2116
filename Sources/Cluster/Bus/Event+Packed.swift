import Chat

/// The kinds of events by their numbers on the wire. A number is never used again for something else.
private enum EventKind: Int64 {
    case message = 1
    case read = 2
    case typing = 3
    case notification = 4
    case unreadCount = 5
    case removed = 6
    case room = 7
    case counter = 8
}

/// Likewise, what a notification, an event of a room and one of the counter are told apart by.
private enum AudienceKind: Int64 { case person = 1, college, everybody }
private enum RoomKind: Int64 { case said = 1, joined, left }
private enum CounterKind: Int64 { case increment = 1, decrement, reset }
/// By importance.
private let priorities: [Priority] = [.low, .normal, .high]

extension Event {
    /// Whether nodes tell each other. Each of them has what is ``relayed(_:in:to:)`` from its own bridge, and
    /// ``counterUsers(_:)`` from what all are interested in.
    package var crosses: Bool {
        switch self {
        case .message, .read, .typing, .notification, .unreadCount, .removed, .room, .counter: true
        case .relayed, .counterUsers: false
        }
    }
}

/// Who wrote the messages in one message of the bus: they stand at its beginning, and the messages give their places.
struct Senders {
    private(set) var users: [User] = []
    private var ids: [UserID] = []
    /// Of each message, in order: where its sender is.
    private var places: [Int] = []
    /// The next of them that ``next()`` gives.
    private var position = 0

    /// How far back somebody is looked for; who wrote longer ago stands there twice.
    private static let window = 64

    mutating func add(_ events: [Event]) {
        for event in events {
            if case .message(let message) = event { places.append(place(of: message.sender)) }
        }
    }

    mutating func next() -> Int {
        defer { position += 1 }
        return places[position]
    }

    private mutating func place(of user: User) -> Int {
        var place = ids.count
        let end = max(0, place - Self.window)
        while place > end {
            place -= 1
            // Who was renamed meanwhile is somebody else.
            if ids[place] == user.id, users[place].isSame(as: user) { return place }
        }
        users.append(user)
        ids.append(user.id)
        return ids.count - 1
    }
}

extension User {
    fileprivate func isSame(as other: User) -> Bool {
        self === other || (username == other.username && name == other.name && college == other.college)
    }
}

// MARK: - Writing

extension MessagePackWriter {
    mutating func append(_ senders: Senders) {
        array(senders.users.count)
        for user in senders.users {
            array(4)
            append(user.id)
            append(user.username)
            append(user.name)
            append(user.college?.rawValue)
        }
    }

    /// - Parameter senders: The events were added to them, in this order.
    mutating func append(_ events: [Event], _ senders: inout Senders) {
        array(events.reduce(0) { $0 + ($1.crosses ? 1 : 0) })
        for event in events { append(event, &senders) }
    }

    private mutating func append(_ event: Event, _ senders: inout Senders) {
        switch event {
        case .message(let message):
            begin(.message, 7)
            append(message.id)
            append(message.conversation)
            append(senders.next())
            append(message.text)
            append(message.attachment?.url)
            append(message.sentAt.microseconds)
            append(Array(message.recipients))
        case .read(let receipt):
            begin(.read, 5)
            append(receipt.conversation)
            append(receipt.reader)
            append(receipt.authors)
            append(receipt.others)
            append(receipt.readAt.microseconds)
        case .typing(let sign):
            begin(.typing, 4)
            append(sign.writer)
            append(sign.readers)
            append(sign.conversation?.rawValue)
            append(sign.isTyping)
        case .notification(let notification): append(notification)
        case .unreadCount(let count, let user):
            begin(.unreadCount, 2)
            append(count)
            append(user)
        case .removed(let user, let conversation):
            begin(.removed, 2)
            append(user)
            append(conversation)
        case .room(let room, let event, _): append(event, in: room)
        case .counter(let action, let total, let time):
            begin(.counter, 4)
            switch action {
            case .increment(let amount): append(CounterKind.increment.rawValue, amount)
            case .decrement(let amount): append(CounterKind.decrement.rawValue, amount)
            case .reset: append(CounterKind.reset.rawValue, 0)
            }
            append(total)
            append(time.microseconds)
        case .relayed, .counterUsers: break
        }
    }

    private mutating func append(_ notification: Notification) {
        let content = notification.content
        begin(.notification, 11)
        append(notification.id)
        switch notification.audience {
        case .person(let user): append(AudienceKind.person.rawValue, user.rawValue)
        case .college(let college): append(AudienceKind.college.rawValue, college.rawValue)
        case .everybody: append(AudienceKind.everybody.rawValue, 0)
        }
        append(content.title)
        append(content.message)
        append(content.category)
        append(content.type)
        append(content.link)
        append(priorities.firstIndex(of: content.priority)!)
        append(content.data)
        append(notification.sentAt.microseconds)
    }

    /// Whom it is not for does not cross: only one connection of the node that it comes from.
    private mutating func append(_ event: RoomEvent, in room: RoomName) {
        switch event {
        case .said(let text, let username, let time):
            begin(.room, 5)
            append(room.text)
            append(RoomKind.said.rawValue)
            append(text)
            append(username)
            append(time.microseconds)
        case .joined:
            begin(.room, 2)
            append(room.text)
            append(RoomKind.joined.rawValue)
        case .left:
            begin(.room, 2)
            append(room.text)
            append(RoomKind.left.rawValue)
        }
    }

    private mutating func begin(_ kind: EventKind, _ count: Int) {
        array(1 + count)
        append(kind.rawValue)
    }

    private mutating func append(_ kind: Int64, _ value: Int64) {
        append(kind)
        append(value)
    }

    private mutating func append(_ users: [UserID]) {
        array(users.count)
        for user in users { append(user) }
    }

    private mutating func append(_ value: Int64?) {
        if let value { append(value) } else { null() }
    }

    private mutating func append(_ text: String?) {
        if let text { append(text) } else { null() }
    }
}

// MARK: - Reading

extension MessagePackReader {
    mutating func senders() throws(Malformed) -> [User] {
        try list { reader throws(Malformed) in
            try reader.rest(try reader.array(), 4) { reader throws(Malformed) in
                User(
                    id: try reader.id(), username: try reader.string(), name: try reader.string(),
                    college: try reader.optionalInteger().map { CollegeID($0) })
            }
        }
    }

    /// Without those that this version has no words for.
    mutating func events(_ senders: [User]) throws(Malformed) -> [Event] {
        try list { reader throws(Malformed) in try reader.event(senders) }
    }

    private mutating func event(_ senders: [User]) throws(Malformed) -> Event? {
        let count = try array()
        if count == 0 { throw .notAllowed }
        let left = count - 1
        switch EventKind(rawValue: try integer()) {
        case .message: return try rest(left, 7) { reader throws(Malformed) in try reader.message(senders) }
        case .read:
            return try rest(left, 5) { reader throws(Malformed) in
                .read(
                    Receipt(
                        conversation: try reader.id(), reader: try reader.id(), authors: try reader.users(),
                        others: try reader.users(), readAt: try reader.time()))
            }
        case .typing:
            return try rest(left, 4) { reader throws(Malformed) in
                .typing(
                    TypingSign(
                        writer: try reader.id(), readers: try reader.users(),
                        conversation: try reader.optionalInteger().map { ConversationID($0) },
                        isTyping: try reader.bool()))
            }
        case .notification: return try rest(left, 11) { reader throws(Malformed) in try reader.notification() }
        case .unreadCount:
            return try rest(left, 2) { reader throws(Malformed) in
                .unreadCount(try reader.count(), of: try reader.id())
            }
        case .removed:
            return try rest(left, 2) { reader throws(Malformed) in .removed(try reader.id(), from: try reader.id()) }
        case .room: return try room(left)
        case .counter: return try rest(left, 4) { reader throws(Malformed) in try reader.counter() }
        case nil:
            try skip(left)
            return nil
        }
    }

    private mutating func message(_ senders: [User]) throws(Malformed) -> Event? {
        let id: MessageID = try self.id()
        let conversation: ConversationID = try self.id()
        let place = try self.count()
        guard place < senders.count else { throw .notAllowed }
        let text = try string()
        let url = try optionalString()
        let sentAt = try time()
        let recipients = try users()
        let attachment = url.flatMap { Attachment($0) }
        if attachment == nil, url != nil { return nil }
        return .message(
            Message(
                id: id, conversation: conversation, sender: senders[place], text: text, attachment: attachment,
                sentAt: sentAt, for: Recipients(recipients)))
    }

    private mutating func notification() throws(Malformed) -> Event? {
        let id: NotificationID = try self.id()
        let kind = AudienceKind(rawValue: try integer())
        let whom = try integer()
        let title = try string()
        let message = try string()
        let category = try string()
        let type = try string()
        let link = try optionalString()
        let priority = try count()
        let data = try self.data()
        let sentAt = try time()
        let audience: Audience
        switch kind {
        case .person: audience = .person(UserID(whom))
        case .college: audience = .college(CollegeID(whom))
        case .everybody: audience = .everybody
        case nil: return nil
        }
        let content = NotificationContent(
            title: title, message: message, category: category, type: type, link: link,
            priority: priority < priorities.count ? priorities[priority] : .normal, data: data)
        return .notification(Notification(id: id, audience: audience, content: content, sentAt: sentAt))
    }

    private mutating func room(_ count: Int) throws(Malformed) -> Event? {
        guard count >= 2 else { throw .notAllowed }
        let name = RoomName(try string())
        let event: RoomEvent?
        let kind = RoomKind(rawValue: try integer())
        let left = count - 2
        switch kind {
        case .said:
            event = try rest(left, 3) { reader throws(Malformed) in
                .said(text: try reader.string(), username: try reader.string(), at: try reader.time())
            }
        case .joined, .left, nil:
            try skip(left)
            event = kind.map { $0 == .joined ? .joined : .left }
        }
        guard let name, let event else { return nil }
        return .room(name, event, except: nil)
    }

    private mutating func counter() throws(Malformed) -> Event? {
        let kind = CounterKind(rawValue: try integer())
        let amount = try integer()
        let total = try integer()
        let time = try self.time()
        let action: CounterAction
        switch kind {
        case .increment: action = .increment(amount)
        case .decrement: action = .decrement(amount)
        case .reset: action = .reset
        case nil: return nil
        }
        return .counter(action, total: total, at: time)
    }

    private mutating func users() throws(Malformed) -> [UserID] {
        try list { reader throws(Malformed) -> UserID? in try reader.id() }
    }

    private mutating func time() throws(Malformed) -> Timestamp { Timestamp(microseconds: try integer()) }

    private mutating func optionalInteger() throws(Malformed) -> Int64? { null() ? nil : try integer() }

    private mutating func optionalString() throws(Malformed) -> String? { null() ? nil : try string() }
}
