import Chat

/// What sessions of one shard listen to.
enum Topic: Hashable {
    /// Messages, receipts and typing for one person.
    case chat(UserID)
    /// A conversation's messages, for those who asked to hear them.
    case conversation(ConversationID)
    case notifications(UserID)
    case collegeNotifications(CollegeID)
    case everybodysNotifications
    case room(RoomName)
    case counter
    /// A room of Socket.IO that a back end speaks of: a socket's own, by its id, or one that it made.
    case socketRoom(String)
}

/// One of the sessions of a topic, and which of its subscriptions that is.
struct Subscriber {
    let session: Session
    var subscription: UInt32
}

/// The sessions of one topic. Joining and leaving take constant time: each session knows its place.
final class Subscribers {
    // Unchecked: sessions are moved within the places only, and told so afterwards.
    @safe @exclusivity(unchecked) private(set) var members = Members()

    /// In their places. Most topics are those of one person with one client, who needs no array.
    struct Members {
        private var first: Subscriber?
        private var rest: [Subscriber] = []

        var isEmpty: Bool { first == nil }
        var count: Int { isEmpty ? 0 : 1 + rest.count }

        fileprivate subscript(place: Int) -> Subscriber {
            get { place == 0 ? first! : rest[place - 1] }
            set { if place == 0 { first = newValue } else { rest[place - 1] = newValue } }
        }

        fileprivate mutating func append(_ member: Subscriber) {
            if first == nil { first = member } else { rest.append(member) }
        }

        fileprivate mutating func removeLast() -> Subscriber { rest.popLast() ?? first.take()! }

        /// Calls `body` with each member, whoever comes or goes meanwhile.
        @inline(__always) func forEach(_ body: (Session) -> Void) {
            for place in 0..<count {
                // Not counted for each: they are kept by these, which are kept until all were called.
                unsafe Unmanaged.passUnretained(self[place].session)._withUnsafeGuaranteedRef { body($0) }
            }
            withExtendedLifetime(self) {}
        }
    }

    /// Adds a session whose subscription number `subscription` this will be.
    ///
    /// - Returns: Its place.
    func add(_ session: Session, subscription: Int) -> UInt32 {
        members.append(Subscriber(session: session, subscription: UInt32(subscription)))
        return UInt32(members.count - 1)
    }

    /// Takes a place away; the last member moves there.
    func remove(at place: UInt32) {
        let last = members.removeLast()
        if place < members.count {
            members[Int(place)] = last
            last.session.subscriptions[Int(last.subscription)].place = place
        }
    }

    /// A member counts this as another of its subscriptions from here on.
    func renumber(_ place: UInt32, as subscription: Int) { members[Int(place)].subscription = UInt32(subscription) }
}

/// All topics of one shard.
final class Topics {
    /// Called when a topic gets its first member here, and when its last one has left.
    private let onChange: (Topic, _ hasMembers: Bool) -> Void
    // Unchecked: changes are those of tables, whose keys are ids and names, and whose values have no code that is run when
    // they go.
    @safe @exclusivity(unchecked) private var chats = IDTable<User, Subscribers>()
    @safe @exclusivity(unchecked) private var conversations = IDTable<Conversation, Subscribers>()
    @safe @exclusivity(unchecked) private var notifications = IDTable<User, Subscribers>()
    @safe @exclusivity(unchecked) private var rooms: [RoomName: Subscribers] = [:]
    @safe @exclusivity(unchecked) private var others: [Topic: Subscribers] = [:]

    init(onChange: @escaping (Topic, _ hasMembers: Bool) -> Void) { self.onChange = onChange }

    private subscript(topic: Topic) -> Subscribers? {
        get {
            switch topic {
            case .chat(let user): chats[user]
            case .conversation(let conversation): conversations[conversation]
            case .notifications(let user): notifications[user]
            case .room(let room): rooms[room]
            case .collegeNotifications, .everybodysNotifications, .counter, .socketRoom: others[topic]
            }
        }
        set {
            switch topic {
            case .chat(let user): chats[user] = newValue
            case .conversation(let conversation): conversations[conversation] = newValue
            case .notifications(let user): notifications[user] = newValue
            case .room(let room): rooms[room] = newValue
            case .collegeNotifications, .everybodysNotifications, .counter, .socketRoom: others[topic] = newValue
            }
        }
    }

    /// Calls `body` with each session that listens to a topic. Inlined, and the sessions are not counted: this is what a
    /// broadcast does for each of its receivers.
    @inline(__always) func forEachMember(of topic: Topic, _ body: (Session) -> Void) {
        members(of: topic)?.forEach(body)
    }

    @inline(__always) private func members(of topic: Topic) -> Subscribers.Members? {
        switch topic {
        case .chat(let user): members(ofChat: user)
        case .conversation(let conversation): members(ofConversation: conversation)
        case .notifications, .room, .collegeNotifications, .everybodysNotifications, .counter, .socketRoom:
            self[topic]?.members
        }
    }

    // Looked at with each message. Calls of their own, in which the subscribers are not counted.
    @inline(never) private func members(ofChat user: UserID) -> Subscribers.Members? {
        chats.look(at: user) { $0.members }
    }
    @inline(never) private func members(ofConversation conversation: ConversationID) -> Subscribers.Members? {
        conversations.look(at: conversation) { $0.members }
    }

    func subscribe(_ session: Session, to topic: Topic) {
        let subscribers: Subscribers
        if let known = self[topic] {
            subscribers = known
        } else {
            subscribers = Subscribers()
            self[topic] = subscribers
            onChange(topic, true)
        }
        let place = subscribers.add(session, subscription: session.subscriptions.count)
        session.subscriptions.append(Session.Subscription(topic: topic, place: place, subscribers: subscribers))
    }

    func unsubscribe(_ session: Session) {
        for subscription in session.subscriptions { end(subscription) }
        session.subscriptions = []
    }

    func unsubscribe(_ session: Session, from topic: Topic) {
        guard let index = session.subscriptions.firstIndex(where: { $0.topic == topic }) else { return }
        end(session.subscriptions[index])
        let last = session.subscriptions.removeLast()
        if index < session.subscriptions.count {
            session.subscriptions[index] = last
            last.subscribers.renumber(last.place, as: index)
        }
    }

    private func end(_ subscription: Session.Subscription) {
        subscription.subscribers.remove(at: subscription.place)
        guard subscription.subscribers.members.isEmpty else { return }
        self[subscription.topic] = nil
        onChange(subscription.topic, false)
    }
}
