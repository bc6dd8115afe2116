package import Chat

/// Whom this node has seats for: what it tells the others, and by what is known which events are for nobody here.
package struct Interests {
    private struct Person {
        /// Those of whom it may come back after its connection broke are interested, and have no session.
        var sessions = 0
        var chats = 0
        /// Those that are told how many notifications are unread.
        var notices = 0
        /// Those that can't ask for what they missed.
        var owed = 0
        /// How many clients may come back.
        var returning = 0

        var isGone: Bool { sessions == 0 && returning == 0 }
    }

    private var people: [UserID: Person] = [:]
    /// Up to which message all has certainly reached those that can't ask, where others have to know.
    private var positions: [UserID: MessageID] = [:]
    private var colleges: [CollegeID: Int] = [:]
    private var rooms: [RoomName: Int] = [:]
    private var everybody = 0
    private var counterUsers = 0
    /// The seats whose clients may come back, the first to be forgotten first.
    private var returning: ArraySlice<(seat: Seat, until: UInt64)> = []
    /// What has changed since the others were told: each once, however often it did.
    private var changed: Set<Subject> = []
    /// Whether one of the changes is a new interest.
    private var isWider = false

    private enum Subject: Hashable {
        case person(UserID)
        case position(UserID)
        case college(CollegeID)
        case room(RoomName)
        case everybody, counter
    }

    package init() {}

    /// A seat is to be taken.
    package mutating func sits(on seat: Seat) {
        countPerson(seat, 1)
        countAudiences(seat, 1)
    }

    /// A seat is left.
    ///
    /// - Parameter end: Until when, in milliseconds, its client may come back for what it missed.
    package mutating func leaves(_ seat: Seat, mayReturnUntil end: UInt64?) {
        if let user = seat.user, let end {
            people[user.id]?.returning += 1
            returning.append((seat, end))
        } else {
            countAudiences(seat, -1)
        }
        countPerson(seat, -1)
    }

    private mutating func countPerson(_ seat: Seat, _ difference: Int) {
        guard let user = seat.user?.id else { return }
        var person = people[user] ?? Person()
        if person.isGone { isWider = true }
        person.sessions += difference
        if seat.chatter != nil { person.chats += difference }
        if case .notifications = seat { person.notices += difference }
        if case .chat(_, let rule) = seat, rule != .unneeded { person.owed += difference }
        people[user] = person.isGone ? nil : person
        changed.insert(.person(user))
    }

    /// All has certainly reached a person up to a message, who may be on other nodes too.
    package mutating func reached(_ position: MessageID?, of user: UserID) {
        positions[user] = position
        changed.insert(.position(user))
    }

    private mutating func countAudiences(_ seat: Seat, _ difference: Int) {
        switch seat {
        case .room(let room):
            if Self.count(&rooms, room, difference) { isWider = true }
            changed.insert(.room(room))
        case .counter:
            if counterUsers == 0 { isWider = true }
            counterUsers += difference
            changed.insert(.counter)
        case .notifications, .person:
            if everybody == 0 { isWider = true }
            everybody += difference
            changed.insert(.everybody)
            if let college = seat.user?.college {
                if Self.count(&colleges, college, difference) { isWider = true }
                changed.insert(.college(college))
            }
        case .chat: break
        }
    }

    /// - Returns: Whether the key is new.
    private static func count<Key>(_ counts: inout [Key: Int], _ key: Key, _ difference: Int) -> Bool {
        let before = counts[key] ?? 0
        counts[key] = before + difference == 0 ? nil : before + difference
        return before == 0
    }

    /// Forgets who did not come back.
    package mutating func tidy(at now: UInt64) {
        while let first = returning.first, first.until <= now {
            returning.removeFirst()
            countAudiences(first.seat, -1)
            guard let user = first.seat.user?.id, var person = people[user] else { continue }
            person.returning -= 1
            people[user] = person.isGone ? nil : person
            changed.insert(.person(user))
        }
    }

    /// What the others are to be told, and whether something is new in it that they may not have sent so far.
    package mutating func takeChanges() -> (changes: [BusMessage.Interest], isWider: Bool) {
        defer {
            changed.removeAll(keepingCapacity: changed.capacity < 4096)
            isWider = false
        }
        let changes = changed.map { subject -> BusMessage.Interest in
            switch subject {
            case .person(let user): interest(in: user, people[user])
            case .position(let user): .position(user, positions[user])
            case .college(let college): .college(college, colleges[college] != nil)
            case .room(let room): .room(room, rooms[room] != nil)
            case .everybody: .everybody(everybody > 0)
            case .counter: .counter(users: counterUsers)
            }
        }
        return (changes, isWider)
    }

    private func interest(in user: UserID, _ person: Person?) -> BusMessage.Interest {
        .person(
            user, sessions: person?.sessions ?? BusMessage.Interest.none, chats: person?.chats ?? 0,
            owed: person?.owed ?? 0)
    }

    /// All there are.
    package var all: [BusMessage.Interest] {
        var all: [BusMessage.Interest] = [.everybody(everybody > 0), .counter(users: counterUsers)]
        all += colleges.keys.map { .college($0, true) }
        all += rooms.keys.map { .room($0, true) }
        all += people.map { interest(in: $0, $1) }
        all += positions.map { .position($0, $1) }
        return all
    }

    /// Whether anybody here may hear of a message.
    package func include(_ message: Message) -> Bool {
        people[message.sender.id] != nil || message.recipients.contains { people[$0] != nil }
    }

    /// Whether anybody here may hear of a notification.
    package func include(_ notification: Notification) -> Bool {
        switch notification.audience {
        case .person(let user): people[user] != nil
        case .college(let college): colleges[college] != nil
        case .everybody: everybody > 0
        }
    }

    /// Whether a person has clients here that can't ask for what they missed.
    package func isOwed(_ user: UserID) -> Bool { people[user]?.owed ?? 0 > 0 }

    /// Who is told how many notifications they have not read.
    package var usersWithNotices: [UserID] { people.filter { $0.value.notices > 0 }.map(\.key) }
}
