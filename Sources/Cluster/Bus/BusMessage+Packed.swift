import Chat

/// The kinds of messages by their numbers on the wire. A number is never used again for something else.
private enum MessageKind: Int64 {
    case heartbeat = 1
    case state = 2
    case interests = 3
    case batches = 4
    case passing = 5
    case spent = 6
    case farewell = 7
    case returned = 8
    case arrived = 9
}

/// Likewise, the kinds of interests.
private enum InterestKind: Int64 {
    case person = 1
    case college = 2
    case everybody = 3
    case room = 4
    case counter = 5
    case position = 6
}

extension BusMessage.Content {
    /// About how long it is when it is packed.
    var expectedBytes: Int {
        switch self {
        case .heartbeat(let heartbeat): 128 + 16 * heartbeat.known.count
        case .state(let interests, _, _, _), .interests(let interests, _): 128 + 16 * interests.count
        case .batches(let batches, let known):
            128 + 16 * known.count + batches.reduce(0) { $0 + 40 + 160 * $1.events.count }
        case .passing(let events): 128 + 160 * events.count
        case .spent(let spending): 128 + 16 * spending.count
        case .returned(let clients): 128 + 32 * clients.count
        case .arrived(let users): 128 + 8 * users.count
        case .farewell, .unknown: 64
        }
    }
}

// MARK: - Writing

extension MessagePackWriter {
    mutating func append(_ message: BusMessage) {
        func begin(_ kind: MessageKind, _ count: Int) {
            array(4 + count)
            append(BusCodec.version)
            append(message.from.rawValue)
            append(message.number)
            append(kind.rawValue)
        }
        switch message.content {
        case .heartbeat(let heartbeat):
            begin(.heartbeat, 4)
            append(heartbeat.address)
            append(heartbeat.batch)
            append(heartbeat.interests)
            append(heartbeat.known)
        case .state(let interests, let isFirst, let isLast, let number):
            begin(.state, 4)
            append(interests)
            append(isFirst)
            append(isLast)
            append(number)
        case .interests(let interests, let number):
            begin(.interests, 2)
            append(interests)
            append(number)
        case .batches(let batches, let known):
            begin(.batches, 3)
            append(known)
            var senders = Senders()
            for batch in batches { senders.add(batch.events) }
            append(senders)
            array(batches.count)
            for batch in batches { append(batch, &senders) }
        case .passing(let events):
            begin(.passing, 2)
            var senders = Senders()
            senders.add(events)
            append(senders)
            append(events, &senders)
        case .spent(let spendings):
            begin(.spent, 1)
            array(spendings.count)
            for spending in spendings {
                array(2)
                append(spending.user)
                append(spending.messages)
            }
        case .arrived(let users):
            begin(.arrived, 1)
            array(users.count)
            for user in users { append(user) }
        case .returned(let clients):
            begin(.returned, 1)
            array(clients.count)
            for client in clients { append(client) }
        case .farewell: begin(.farewell, 0)
        case .unknown: preconditionFailure("nobody says what is not known")
        }
    }

    private mutating func append(_ known: [NodeID: Int64]) {
        map(known.count)
        for (node, changes) in known {
            append(node.rawValue)
            append(changes)
        }
    }

    private mutating func append(_ interests: [BusMessage.Interest]) {
        array(interests.count)
        for interest in interests {
            switch interest {
            case .person(let user, let sessions, let chats, let owed):
                array(5)
                append(InterestKind.person.rawValue)
                append(user)
                append(sessions)
                append(chats)
                append(owed)
            case .position(let user, let position):
                array(3)
                append(InterestKind.position.rawValue)
                append(user)
                append(position?.rawValue ?? -1)
            case .college(let college, let isWanted):
                array(3)
                append(InterestKind.college.rawValue)
                append(college.rawValue)
                append(isWanted)
            case .everybody(let isWanted):
                array(2)
                append(InterestKind.everybody.rawValue)
                append(isWanted)
            case .room(let room, let isWanted):
                array(3)
                append(InterestKind.room.rawValue)
                append(room.text)
                append(isWanted)
            case .counter(let users):
                array(2)
                append(InterestKind.counter.rawValue)
                append(users)
            }
        }
    }

    private mutating func append(_ batch: BusMessage.Batch, _ senders: inout Senders) {
        array(6)
        append(batch.number)
        append(batch.before.message)
        append(batch.before.notification)
        append(batch.after.message)
        append(batch.after.notification)
        append(batch.events, &senders)
    }
}

// MARK: - Reading

extension MessagePackReader {
    /// Reads what follows the version.
    ///
    /// - Parameter count: How many values that is.
    mutating func message(_ count: Int) throws(Malformed) -> BusMessage {
        guard count >= 3, let from = NodeID(rawValue: UInt64(bitPattern: try integer())) else { throw .notAllowed }
        let number = try integer()
        let kind = MessageKind(rawValue: try integer())
        let left = count - 3
        let content: BusMessage.Content
        switch kind {
        case .heartbeat:
            content = try rest(left, 4) { reader throws(Malformed) in
                .heartbeat(
                    BusMessage.Heartbeat(
                        address: try reader.string(), batch: try reader.integer(), interests: try reader.integer(),
                        known: try reader.known()))
            }
        case .state:
            content = try rest(left, 4) { reader throws(Malformed) in
                .state(
                    try reader.interests(), isFirst: try reader.bool(), isLast: try reader.bool(),
                    interests: try reader.integer())
            }
        case .interests:
            content = try rest(left, 2) { reader throws(Malformed) in
                .interests(try reader.interests(), interests: try reader.integer())
            }
        case .batches:
            content = try rest(left, 3) { reader throws(Malformed) in
                let known = try reader.known()
                let senders = try reader.senders()
                return .batches(
                    try reader.list { reader throws(Malformed) in try reader.batch(senders) }, known: known)
            }
        case .passing:
            content = try rest(left, 2) { reader throws(Malformed) in
                let senders = try reader.senders()
                return .passing(try reader.events(senders))
            }
        case .spent:
            content = try rest(left, 1) { reader throws(Malformed) in
                .spent(
                    try reader.list { reader throws(Malformed) in
                        try reader.rest(try reader.array(), 2) { reader throws(Malformed) in
                            BusMessage.Spending(try reader.id(), messages: try reader.count())
                        }
                    })
            }
        case .arrived:
            content = try rest(left, 1) { reader throws(Malformed) in
                .arrived(try reader.list { reader throws(Malformed) in try reader.id() })
            }
        case .returned:
            content = try rest(left, 1) { reader throws(Malformed) in
                .returned(try reader.list { reader throws(Malformed) in try reader.string() })
            }
        case .farewell: content = try rest(left, 0) { _ throws(Malformed) in .farewell }
        case nil: content = try rest(left, 0) { _ throws(Malformed) in .unknown }
        }
        if self.left > 0 { throw .length }
        return BusMessage(from: from, number: number, content)
    }

    /// Reads the values of an array that are known, and past those that a later version has appended.
    ///
    /// - Parameters:
    ///   - count: How many there are.
    ///   - known: How many of them `read` reads, at least.
    @inline(__always)
    mutating func rest<Value>(
        _ count: Int, _ known: Int, _ read: (inout Self) throws(Malformed) -> Value
    ) throws(Malformed) -> Value {
        guard count >= known else { throw .notAllowed }
        let value = try read(&self)
        try skip(count - known)
        return value
    }

    /// Reads an array; what is `nil` is left out.
    @inline(__always)
    mutating func list<Element>(_ read: (inout Self) throws(Malformed) -> Element?) throws(Malformed) -> [Element] {
        let count = try array()
        var elements: [Element] = []
        // Each takes several bytes, of which one is certain.
        elements.reserveCapacity(min(count, 64))
        for _ in 0..<count { if let element = try read(&self) { elements.append(element) } }
        return elements
    }

    mutating func id<Subject>() throws(Malformed) -> ID<Subject> { ID(try integer()) }

    /// How many there are of something.
    mutating func count(from least: Int64 = 0) throws(Malformed) -> Int {
        let count = try integer()
        guard (least...Int64(Int32.max)).contains(count) else { throw .notAllowed }
        return Int(count)
    }

    private mutating func known() throws(Malformed) -> [NodeID: Int64] {
        let count = try map()
        var known = [NodeID: Int64](minimumCapacity: min(count, 64))
        for _ in 0..<count {
            guard let node = NodeID(rawValue: UInt64(bitPattern: try integer())) else { throw .notAllowed }
            known[node] = try integer()
        }
        return known
    }

    private mutating func interests() throws(Malformed) -> [BusMessage.Interest] {
        try list { reader throws(Malformed) in try reader.interest() }
    }

    /// `nil`: of a kind that is not known.
    private mutating func interest() throws(Malformed) -> BusMessage.Interest? {
        let count = try array()
        if count == 0 { throw .notAllowed }
        let left = count - 1
        switch InterestKind(rawValue: try integer()) {
        case .person:
            return try rest(left, 4) { reader throws(Malformed) in
                .person(
                    try reader.id(), sessions: try reader.count(from: Int64(BusMessage.Interest.none)),
                    chats: try reader.count(), owed: try reader.count())
            }
        case .position:
            return try rest(left, 2) { reader throws(Malformed) in
                let user: UserID = try reader.id()
                let position = try reader.integer()
                return .position(user, position < 0 ? nil : MessageID(position))
            }
        case .college:
            return try rest(left, 2) { reader throws(Malformed) in
                .college(CollegeID(try reader.integer()), try reader.bool())
            }
        case .everybody: return try rest(left, 1) { reader throws(Malformed) in .everybody(try reader.bool()) }
        case .room:
            return try rest(left, 2) { reader throws(Malformed) in
                let name = RoomName(try reader.string())
                let isWanted = try reader.bool()
                return name.map { .room($0, isWanted) }
            }
        case .counter: return try rest(left, 1) { reader throws(Malformed) in .counter(users: try reader.count()) }
        case nil:
            try skip(left)
            return nil
        }
    }

    private mutating func batch(_ senders: [User]) throws(Malformed) -> BusMessage.Batch {
        try rest(try array(), 6) { reader throws(Malformed) in
            BusMessage.Batch(
                number: try reader.integer(),
                before: StorePosition(message: try reader.id(), notification: try reader.id()),
                after: StorePosition(message: try reader.id(), notification: try reader.id()),
                events: try reader.events(senders))
        }
    }
}
