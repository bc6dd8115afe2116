package import Chat

/// Another node, as it is known here.
package struct Peer {
    package let id: NodeID
    /// Where it takes what is forwarded to it.
    package var address = ""
    /// When anything was heard from it, in milliseconds.
    package var heardAt: UInt64
    /// How many changes of its interests were heard; `nil` while they are not known, and it is told everything.
    package private(set) var interests: Int64?
    /// How many of ours it has heard; `nil` where it does not know them.
    package var known: Int64?
    /// When it was sent all of ours, in milliseconds.
    package var stateSentAt: UInt64?
    private(set) var numbers: Numbers
    package private(set) var people: [UserID: (sessions: Int, chats: Int, owed: Int)] = [:]
    /// Of those who can't ask for what they missed: how far they had certainly got.
    var leastPositions: [UserID: MessageID] {
        var least = positions
        for (user, own) in people where own.owed > 0 && least[user] == nil { least[user] = MessageID(0) }
        return least
    }
    /// All of whom something is known.
    package var everybody: Set<UserID> { Set(people.keys).union(positions.keys) }
    package private(set) var positions: [UserID: MessageID] = [:]
    private var colleges: Set<CollegeID> = []
    private var rooms: Set<RoomName> = []
    private var hearsEverybody = false
    package private(set) var counterUsers = 0
    private var isTakingState = false

    /// The last of its messages on the channel of all, and on that of this node.
    package struct Numbers: Sendable {
        fileprivate var all: Int64?
        fileprivate var own: Int64?

        package init() {}
    }

    package init(_ id: NodeID, at now: UInt64, behind numbers: Numbers = Numbers()) {
        self.id = id
        heardAt = now
        self.numbers = numbers
    }

    package enum Place: Sendable {
        case next
        /// Something is missing before it, so that what was known of the node's interests may be wrong.
        case behindGap
        /// It was there before: somebody says it again.
        case old
    }

    /// Where a message stands among those of its channel.
    package mutating func place(of number: Int64, onOwnChannel isOwn: Bool) -> Place {
        let last = isOwn ? numbers.own : numbers.all
        if let last, number <= last { return .old }
        if isOwn { numbers.own = number } else { numbers.all = number }
        guard let last, number != last + 1 else { return .next }
        forgetInterests()
        return .behindGap
    }

    package mutating func forgetInterests() {
        interests = nil
        isTakingState = false
    }

    /// Takes a part of all its interests.
    package mutating func take(_ state: [BusMessage.Interest], isFirst: Bool, isLast: Bool, interests number: Int64) {
        if isFirst {
            people = [:]
            positions = [:]
            colleges = []
            rooms = []
            (hearsEverybody, counterUsers) = (false, 0)
            isTakingState = true
        }
        guard isTakingState else { return }
        for interest in state { take(interest) }
        if isLast {
            isTakingState = false
            interests = number
        }
    }

    /// Takes changes.
    ///
    /// - Returns: Whether they go with what is known.
    package mutating func take(_ changes: [BusMessage.Interest], interests number: Int64) -> Bool {
        guard let interests, interests + Int64(changes.count) == number else {
            // While a state comes in parts, it holds them.
            if interests != nil { forgetInterests() }
            return false
        }
        for interest in changes { take(interest) }
        self.interests = number
        return true
    }

    private mutating func take(_ interest: BusMessage.Interest) {
        switch interest {
        case .person(let user, let sessions, let chats, let owed):
            people[user] = sessions == BusMessage.Interest.none ? nil : (sessions, chats, owed)
        case .position(let user, let position): positions[user] = position
        case .college(let college, let isHeard):
            if isHeard { colleges.insert(college) } else { colleges.remove(college) }
        case .everybody(let isHeard): hearsEverybody = isHeard
        case .room(let room, let isHeard): if isHeard { rooms.insert(room) } else { rooms.remove(room) }
        case .counter(let users): counterUsers = users
        }
    }

    /// Whether an event may be for somebody there.
    package func wants(_ event: Event) -> Bool {
        if interests == nil { return event.crosses }
        return switch event {
        case .message(let message):
            people[message.sender.id] != nil || message.recipients.contains { people[$0] != nil }
        case .read(let receipt): receipt.others.contains { people[$0] != nil }
        case .typing(let sign): sign.readers.contains { people[$0] != nil }
        case .notification(let notification):
            switch notification.audience {
            case .person(let user): people[user] != nil
            case .college(let college): colleges.contains(college)
            case .everybody: hearsEverybody
            }
        case .unreadCount(_, let user), .removed(let user, _): people[user] != nil
        case .room(let room, _, _): rooms.contains(room)
        case .counter: counterUsers > 0
        case .relayed, .counterUsers: false
        }
    }
}
