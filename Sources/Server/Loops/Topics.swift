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

/// The sessions of one topic. Joining and leaving take constant time: each session knows its place.
final class Subscribers {
    // Unchecked: sessions are moved within the array only, and told so afterwards.
    @safe @exclusivity(unchecked) private(set) var members: [(session: Session, subscription: Int)] = []

    /// Adds a session whose subscription number `subscription` this will be.
    func add(_ session: Session, subscription: Int) -> Int {
        members.append((session, subscription))
        return members.count - 1
    }

    /// Takes a place away; the last member moves there.
    func remove(at place: Int) {
        let last = members.removeLast()
        if place < members.count {
            members[place] = last
            last.session.subscriptions[last.subscription].place = place
        }
    }

    /// A member counts this as another of its subscriptions from here on.
    func renumber(_ place: Int, as subscription: Int) { members[place].subscription = subscription }
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

    /// The sessions that listen to a topic.
    func members(of topic: Topic) -> [(session: Session, subscription: Int)] { self[topic]?.members ?? [] }

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
        session.subscriptions.append(Session.Subscription(topic: topic, subscribers: subscribers, place: place))
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
