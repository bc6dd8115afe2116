import Chat
import Testing

@testable import Cluster

@Suite struct BusCodecTests {
    static var codec: BusCodec { BusCodec(key: Array(0..<32)) }
    static let channel = "switchboard:bus"
    static let node = NodeID(rawValue: 0x0102_0304_0506)!
    static let other = NodeID(rawValue: 0xFFFF_FFFF_FFFF)!

    static func message(_ content: BusMessage.Content) -> BusMessage { BusMessage(from: node, number: 300, content) }

    /// There and back; compared by what Swift writes of it, as messages and people are classes.
    static func crossed(_ content: BusMessage.Content) throws -> BusMessage {
        try codec.decode(codec.encode(message(content), for: channel), from: channel)
    }

    static let asha = User(id: UserID(7), username: "asha", name: "Asha Rao", college: CollegeID(3))
    static let ben = User(id: UserID(8), username: "ben", name: "Ben", college: nil)
    static let moment = Timestamp(microseconds: 1_767_695_400_123_456)

    static func text(_ id: Int64, by sender: User, _ text: String = "hello", url: String? = nil) -> Event {
        .message(
            Message(
                id: MessageID(id), conversation: ConversationID(70_000), sender: sender, text: text,
                attachment: url.flatMap { Attachment($0) }, sentAt: moment,
                for: [UserID(8), UserID(9)]))
    }

    static func notification(_ audience: Audience, link: String?, _ priority: Priority) -> Event {
        .notification(
            Notification(
                id: NotificationID(5),
                audience: audience,
                content: NotificationContent(
                    title: "Grüße", message: String(repeating: "ü", count: 40_000), category: "hr", type: "notice",
                    link: link, priority: priority, data: Array(#"{"a":1}"#.utf8)), sentAt: moment))
    }

    static let events: [Event] = [
        text(1, by: asha), text(2, by: ben, "", url: "https://example.org/a"), text(3, by: asha, "\u{0}😀"),
        .read(
            Receipt(
                conversation: ConversationID(1), reader: UserID(7), authors: [UserID(8)],
                others: [UserID(8), UserID(9)], readAt: moment)),
        .typing(TypingSign(writer: UserID(7), readers: [], conversation: nil, isTyping: false)),
        .typing(TypingSign(writer: UserID(7), readers: [UserID(8)], conversation: ConversationID(2))),
        notification(.person(UserID(7)), link: nil, .low), notification(.college(CollegeID(-3)), link: "/x", .normal),
        notification(.everybody, link: "", .high), .unreadCount(129, of: UserID(7)),
        .removed(UserID(7), from: ConversationID(2)),
        .room(RoomName("general")!, .said(text: "hi", username: "Asha", at: moment), except: nil),
        .room(RoomName("general")!, .joined, except: nil), .room(RoomName("general")!, .left, except: nil),
        .counter(.increment(.max), total: .max, at: moment), .counter(.decrement(5), total: -33, at: moment),
        .counter(.reset, total: 0, at: Timestamp(microseconds: -1)),
    ]

    static let interests: [BusMessage.Interest] = [
        .person(UserID(7), sessions: 2, chats: 1, owed: 1),
        .person(UserID(8), sessions: BusMessage.Interest.none, chats: 0, owed: 0),
        .position(UserID(7), MessageID(300)), .position(UserID(8), nil), .college(CollegeID(-70_000), true),
        .everybody(false),
        .room(RoomName("general")!, true), .counter(users: 1 << 30),
    ]

    static func batch(_ events: [Event]) -> BusMessage.Batch {
        BusMessage.Batch(
            number: 1 << 33, before: StorePosition(message: MessageID(0), notification: NotificationID(4)),
            after: StorePosition(message: MessageID(3), notification: NotificationID(5)), events: events)
    }

    @Test("a sign of life crosses")
    func signOfLife() throws {
        let sent = BusMessage.Heartbeat(
            address: "10.0.0.7:4000", batch: .max, interests: 12, known: [Self.node: 5, Self.other: .min])
        let message = try Self.crossed(.heartbeat(sent))
        #expect(message.from == Self.node && message.number == 300)
        guard case .heartbeat(let heard) = message.content else { return #expect(Bool(false)) }
        #expect(heard.address == sent.address && heard.batch == sent.batch && heard.interests == sent.interests)
        #expect(heard.known == sent.known)
    }

    @Test("interests cross, all of them or those that have changed")
    func everyInterest() throws {
        guard
            case .state(Self.interests, isFirst: true, isLast: false, interests: 9) =
                try Self.crossed(.state(Self.interests, isFirst: true, isLast: false, interests: 9)).content,
            case .interests(Self.interests, interests: -1) =
                try Self.crossed(.interests(Self.interests, interests: -1)).content
        else { return #expect(Bool(false)) }
    }

    @Test("every event crosses, in batches and without", arguments: [events, Array(events.reversed()), []])
    func everyEvent(_ events: [Event]) throws {
        guard
            case .batches(let batches, let known) =
                try Self.crossed(
                    .batches([Self.batch(events), Self.batch([]), Self.batch(events)], known: [Self.other: 1])
                )
                .content,
            case .passing(let passing) = try Self.crossed(.passing(events)).content
        else { return #expect(Bool(false)) }
        #expect(known == [Self.other: 1] && batches.count == 3)
        #expect(batches[1].events.isEmpty)
        for batch in batches {
            #expect(batch.number == 1 << 33 && batch.before == Self.batch([]).before)
            #expect(batch.after == Self.batch([]).after)
        }
        for heard in [batches[0].events, batches[2].events, passing] {
            #expect(heard.map(words) == events.map(words))
        }
    }

    @Test("what has been spent, who has returned or arrived, and a farewell cross")
    func others() throws {
        let spent = [BusMessage.Spending(UserID(7), messages: 3), BusMessage.Spending(UserID(-8), messages: 0)]
        guard case .spent(spent) = try Self.crossed(.spent(spent)).content,
            case .returned(["p", "q"]) = try Self.crossed(.returned(["p", "q"])).content,
            case .arrived([UserID(7), UserID(-8)]) = try Self.crossed(.arrived([UserID(7), UserID(-8)])).content,
            case .farewell = try Self.crossed(.farewell).content
        else { return #expect(Bool(false)) }
    }

    @Test("what each node knows by itself stays there, and whom a room's event is not for")
    func left() throws {
        let relayed = Message(
            id: MessageID(1), conversation: ConversationID(1), sender: Self.asha, text: "", sentAt: Self.moment)
        let except = ConnectionID(shard: 1, slot: 2, generation: 3)
        let events: [Event] = [
            .relayed(relayed, in: nil, to: UserID(7)), .room(RoomName("a")!, .joined, except: except),
            .counterUsers(3), Self.text(1, by: Self.ben),
        ]
        guard case .passing(let heard) = try Self.crossed(.passing(events)).content else { return #expect(Bool(false)) }
        #expect(
            heard.map(words)
                == ([.room(RoomName("a")!, .joined, except: nil), Self.text(1, by: Self.ben)] as [Event]).map(words))
    }

    @Test("many writers, and one who was renamed meanwhile")
    func senders() throws {
        let people = (0..<200).map { User(id: UserID($0), username: "u\($0)", name: "U \($0)", college: nil) }
        let renamed = User(id: UserID(7), username: "asha", name: "Asha Roy", college: CollegeID(3))
        let events =
            (people + people.reversed() + [Self.asha, renamed, Self.asha]).enumerated().map {
                Self.text(Int64($0), by: $1)
            }
        guard case .batches(let batches, _) = try Self.crossed(.batches([Self.batch(events)], known: [:])).content
        else { return #expect(Bool(false)) }
        #expect(batches[0].events.map(words) == events.map(words))
        // Who writes twice is one.
        guard case .passing(let heard) = try Self.crossed(.passing([events[0], events[0]])).content,
            case .message(let first) = heard[0], case .message(let second) = heard[1]
        else { return #expect(Bool(false)) }
        #expect(first.sender === second.sender)
    }

    // MARK: - The wire

    @Test("the bytes are those that other versions write")
    func golden() {
        let heartbeat = Self.codec.encode(
            Self.message(
                .heartbeat(
                    BusMessage.Heartbeat(address: "10.0.0.7:4000", batch: 70_000, interests: 12, known: [Self.other: 5])
                )
            ), for: Self.channel)
        #expect(
            heartbeat
                == bytes(
                    """
                    c3aa8ca183790fa324c3ba79f7bd3f6f9801cf0000010203040506cd012c01ad31302e302e302e373a34303030ce00011170\
                    0c81cf0000ffffffffffff05
                    """))
        let batches = Self.codec.encode(
            Self.message(
                .batches(
                    [Self.batch([Self.text(3, by: Self.asha), .unreadCount(4, of: UserID(8))])], known: [Self.other: 5])
            ), for: Self.channel)
        #expect(
            batches
                == bytes(
                    """
                    7168996bf52064ff4ff4f3f67179f53d9701cf0000010203040506cd012c0481cf0000ffffffffffff05919407a461736861\
                    a8417368612052616f039196cf00000002000000000004030592980103ce0001117000a568656c6c6fc0cf000647b5a8653c\
                    4092080993050408
                    """))
    }

    /// Of every kind and with every event.
    static let contents: [BusMessage.Content] = [
        .heartbeat(BusMessage.Heartbeat(address: "a:1", batch: 1, interests: 2, known: [node: 3])),
        .state(interests, isFirst: true, isLast: true, interests: 1), .interests(interests, interests: 1),
        .batches([batch(events.filter { words($0).count < 1000 })], known: [node: 3]),
        .passing([events[0], events[11], events[12]]), .spent([BusMessage.Spending(UserID(7), messages: 3)]), .farewell,
        .returned(["p"]), .arrived([UserID(8)]),
    ]

    @Test("what a later version appends, to whatever array, is ignored", arguments: contents.indices)
    func appended(_ index: Int) throws {
        let length = MessageAuthenticator.length
        let bytes = Self.codec.encode(Self.message(Self.contents[index]), for: Self.channel)
        let expected = words(try Self.codec.decode(bytes, from: Self.channel).content)
        let pack = try PackedArrays(Array(bytes[length...]))
        #expect(!pack.records.isEmpty)
        for record in pack.records {
            let message = try BusCodec.unpack(pack.appending(to: record), from: 0)
            #expect(words(message.content) == expected)
        }
    }

    @Test("no bit may be another, and no part is taken for the whole", arguments: contents.indices)
    func bits(_ index: Int) {
        let bytes = Self.codec.encode(Self.message(Self.contents[index]), for: Self.channel)
        for bit in 0..<8 * bytes.count {
            var changed = bytes
            changed[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: BusCodec.Malformed.foreign) { try Self.codec.decode(changed, from: Self.channel) }
        }
        for count in bytes.indices {
            let part = Array(bytes[..<count])
            #expect(throws: BusCodec.Malformed.foreign) { try Self.codec.decode(part, from: Self.channel) }
            guard count >= MessageAuthenticator.length else { continue }
            #expect(throws: BusCodec.Malformed.undecodable) {
                try BusCodec.unpack(part, from: MessageAuthenticator.length)
            }
        }
        #expect(throws: BusCodec.Malformed.undecodable) {
            try BusCodec.unpack(bytes + [0xC0], from: MessageAuthenticator.length)
        }
    }

    @Test("what was said elsewhere, or with another key, is foreign")
    func foreign() {
        let bytes = Self.codec.encode(Self.message(.farewell), for: Self.channel)
        #expect(throws: BusCodec.Malformed.foreign) { try Self.codec.decode(bytes, from: Self.channel + ":x") }
        #expect(throws: BusCodec.Malformed.foreign) { try Self.codec.decode(bytes, from: "") }
        let other = BusCodec(key: [UInt8](repeating: 1, count: 32))
        #expect(throws: BusCodec.Malformed.foreign) { try other.decode(bytes, from: Self.channel) }
    }

    /// The array of a message, after it was read: version 1, the node, number 1.
    private func unpack(_ rest: String, count: Int, version: Int = 1) throws -> BusMessage {
        try BusCodec.unpack(bytes("9\(String(count, radix: 16))0\(version)cf000001020304050601" + rest), from: 0)
    }

    @Test("what is of another version, or of an unknown kind, says so")
    func unknown() throws {
        #expect(throws: BusCodec.Malformed.version(2)) { try unpack("a0", count: 4, version: 2) }
        guard case .unknown = try unpack("2a93c0c0810203", count: 5).content else { return #expect(Bool(false)) }
        // An event and an interest that are new, between those that are not; audiences and things done to the counter.
        let event = "92" + "2a" + "81a16101"
        guard case .passing(let events) = try unpack("0590" + "93" + "93050107" + event + "93050208", count: 6).content,
            case .interests(let interests, _) =
                try unpack("03" + "93" + "9203c3" + "932ac0c0" + "9203c2" + "05", count: 6).content,
            case .passing(let others) = try unpack("0590" + "91" + "95082a010203", count: 6).content
        else { return #expect(Bool(false)) }
        #expect(
            events.map(words)
                == ([.unreadCount(1, of: UserID(7)), .unreadCount(2, of: UserID(8))] as [Event]).map(words))
        #expect(interests == [.everybody(true), .everybody(false)])
        #expect(others.isEmpty)
    }

    @Test(
        "what makes no sense is refused",
        arguments: [
            // Nothing, too little, a text for a number, a kind alone.
            ("", 4), ("01", 4), ("01a0", 5), ("05", 4),
            // A sender who is not there; fewer than none.
            ("0590" + "91980101" + "01" + "00a0c00190", 6), ("0691" + "9207ff", 5),
            // Arrays that claim more than there is.
            ("03ddffffffff", 6), ("0301dcffff", 6), ("0590ddffffffff", 6), ("02dfffffffff", 5),
            // More than there should be.
            ("0700", 4),
        ])
    func nonsense(_ rest: String, _ count: Int) {
        #expect(throws: BusCodec.Malformed.undecodable) { try unpack(rest, count: count) }
    }
}

/// The arrays in what is packed.
private struct PackedArrays {
    struct Place { let start, firstValue, end, count: Int }

    let bytes: [UInt8]
    /// Those with a fixed meaning for each place; the others are lists.
    private(set) var records: [Place] = []

    init(_ bytes: [UInt8]) throws {
        self.bytes = bytes
        var reader = MessagePackReader(bytes)
        try walk(&reader)
    }

    private mutating func walk(_ reader: inout MessagePackReader) throws {
        let start = bytes.count - reader.left
        switch bytes[start] {
        case 0x80...0x8F, 0xDE, 0xDF: for _ in 0..<2 * (try reader.map()) { try walk(&reader) }
        case 0x90...0x9F, 0xDC, 0xDD:
            let count = try reader.array()
            let first = bytes.count - reader.left
            for _ in 0..<count { try walk(&reader) }
            let end = bytes.count - reader.left
            // A record begins with a number; the lists of numbers here are all of the same people.
            let values = Array(bytes[first..<end])
            let isNumber = count > 0 && (bytes[first] < 0x80 || bytes[first] >= 0xCC && bytes[first] <= 0xD3)
            if isNumber, values != [8], values != [8, 9] {
                records.append(Place(start: start, firstValue: first, end: end, count: count))
            }
        default: try reader.skip()
        }
    }

    /// All of it, with two more values at the end of an array.
    func appending(to place: Place) -> [UInt8] {
        var writer = MessagePackWriter(behind: Array(bytes[..<place.start]))
        writer.array(place.count + 2)
        return writer.bytes + bytes[place.firstValue..<place.end] + [0xC0, 0x92, 0xA1, 0x61, 0x81, 0x01, 0xC4, 0x00]
            + bytes[place.end...]
    }
}

/// All that an event or a message holds, in words.
private func words(_ value: Any) -> String {
    var text = ""
    dump(value, to: &text)
    return text
}
