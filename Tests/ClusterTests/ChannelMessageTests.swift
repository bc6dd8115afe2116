import Chat
import JSON
import Redis
import Testing

@testable import Cluster

@Suite struct ChannelMessageTests {
    /// What channels_redis 4.3.0 puts into a channel.
    private static let plain = bytes(
        """
        0102030405060708090a0b0c84a474797065ac636861742e6d657373616765a76d657373616765a26869a8757365726e616d65a3416e6eb0\
        5f5f617367695f6368616e6e656c5f5f92af73706563696669632e616263217537af73706563696669632e616263217231
        """)
    /// The same of another, sealed with "first key" on 2026-01-06.
    private static let sealed = bytes(
        """
        0102030405060708090a0b0c6741414141414270584f516f41414543417751464267634943516f4c4441304f44394556704b6b6d41494534\
        706d5964775a52495232656f6a4f4745494b7463553773777a6b7377584f494138394d4a537a4869557a483350326a427a69736946507768\
        4372645a7a393063334175744e4d536e6b396c4976535146344836684a79386c4e52585a58394b6e78456b66744d596d55536d6930676d6e\
        5f7441384f413d3d
        """)
    private static let sealedAt = Timestamp(microseconds: 1_767_695_400_000_000)
    private let settings: ChannelSettings

    init() throws { settings = ChannelSettings(hosts: [try RedisURL("redis://")]) }

    @Test("what channels_redis packs says what it is, and for which of the channels")
    func plain() throws {
        let message = try ChannelMessage(Self.plain, settings, nil, at: Self.sealedAt)
        #expect(message.type == "chat_message")
        #expect(message.addressees == ["u7", "r1"])
    }

    @Test("what it seals is opened with any of the keys, while it is young enough")
    func sealed() throws {
        let old = Fernet(["second key", "first key"], lifetime: .seconds(70))
        let message = try ChannelMessage(Self.sealed, settings, old, at: Self.sealedAt + .seconds(70))
        #expect(message.content["message"]?.string == "hi")
        #expect(throws: ChannelMessage.Drop.sealed) {
            try ChannelMessage(Self.sealed, settings, old, at: Self.sealedAt + .seconds(71))
        }
        let other = Fernet(["second key"], lifetime: nil)
        for (bytes, seal) in [(Self.sealed, other), (Self.sealed, nil), (Self.plain, other)] {
            #expect(throws: ChannelMessage.Drop.sealed) {
                try ChannelMessage(bytes, settings, seal, at: Self.sealedAt)
            }
        }
    }

    @Test("no changed byte of what is sealed is opened")
    func tampering() {
        let seal = Fernet(["first key"], lifetime: nil)
        for place in 12..<Self.sealed.count - 3 {
            var changed = Self.sealed
            changed[place] = changed[place] == 0x41 ? 0x42 : 0x41
            #expect(throws: ChannelMessage.Drop.self) {
                try ChannelMessage(changed, settings, seal, at: Self.sealedAt)
            }
        }
    }

    @Test(
        "the host of a name is the one that channels_redis takes",
        arguments: [
            ("notifications_1", [0, 0, 1, 1]), ("user_7", [0, 1, 1, 2]), ("chat_general", [0, 1, 1, 3]),
            ("global_counter", [0, 0, 0, 1]), ("specific.abc!", [0, 1, 2, 4]),
        ])
    func hosts(_ name: String, _ expected: [Int]) throws {
        let url = try RedisURL("redis://")
        for (count, host) in zip([1, 2, 3, 5], expected) {
            #expect(ChannelSettings(hosts: Array(repeating: url, count: count)).host(of: name) == host)
        }
    }

    // MARK: - Orders

    private func message(_ content: KeyValuePairs<String, PackedValue>) throws -> ChannelMessage {
        let members = content.map { PackedValue.Member(key: $0, value: $1) }
        let channel = PackedValue.Member(key: "__asgi_channel__", value: .string("specific.abc!x"))
        return try ChannelMessage(packed(.map(members + [channel])), settings, nil, at: Self.sealedAt)
    }

    private func order(
        _ content: KeyValuePairs<String, PackedValue>, _ group: ChannelGroup, score: String = "1.5"
    ) throws -> ChannelOrder {
        try message(content).order(for: group, sentAt: Array(score.utf8), settings, at: Self.sealedAt)
    }

    @Test("a notification that nobody has stored is to be stored, once on all nodes that have it")
    func notification() throws {
        let content: KeyValuePairs<String, PackedValue> = [
            "type": .string("send_notification"), "title": .string("Order"), "message": .string("Received"),
            "priority": .string("high"), "data": .map([.init(key: "a", value: .array([.integer(1), .null]))]),
            "timestamp": .string("2026-01-06T10:00:00"),
        ]
        guard
            case .store(.notify(.person(UserID(7)), let words, let key?, let time)) =
                try order(content, .notifications(UserID(7)))
        else { throw Failure() }
        #expect(words.priority == .high)
        #expect(String(decoding: words.data, as: UTF8.self) == #"{"a":[1,null]}"#)
        #expect(time.formatted(.seconds) == "2026-01-06T10:00:00Z")
        guard case .store(.notify(_, _, let same?, _)) = try order(content, .notifications(UserID(7))),
            case .store(.notify(_, _, let later?, _)) = try order(content, .notifications(UserID(7)), score: "1.6")
        else { throw Failure() }
        #expect(key.name == same.name && key.scope == same.scope)
        #expect(key.name != later.name)
    }

    @Test("a notification with an id is passed on under it")
    func relayedNotification() throws {
        guard
            case .publish(.notification(let notification)) = try order(
                ["type": .string("notify"), "message": .string("Exam"), "id": .string("42")], .college(CollegeID(5)))
        else { throw Failure() }
        #expect(notification.id == NotificationID(42))
        #expect(notification.audience == .college(CollegeID(5)))
    }

    @Test("a message is read flat, and in an object")
    func messages() throws {
        guard
            case .publish(.relayed(let flat, in: nil, to: UserID(7))) = try order(
                [
                    "type": .string("chat.message"), "id": .integer(9), "sender_id": .integer(4),
                    "sender_name": .string("Bo"), "message": .string("hi"), "attachment": .null,
                ], .chat(UserID(7)))
        else { throw Failure() }
        #expect(flat.id == MessageID(9) && flat.sender.id == UserID(4) && flat.sender.name == "Bo")
        let nested = PackedValue.map([
            .init(key: "id", value: .integer(9)), .init(key: "conversation_id", value: .integer(3)),
            .init(
                key: "sender",
                value: .map([.init(key: "id", value: .integer(4)), .init(key: "username", value: .string("bo"))])),
            .init(key: "content", value: .string("hi")),
        ])
        guard
            case .publish(.relayed(let inside, in: ConversationID(3)?, to: _)) = try order(
                ["type": .string("chat_message"), "message": nested], .chat(UserID(7)))
        else { throw Failure() }
        #expect(inside.sender.username == "bo" && inside.text == "hi")
    }

    @Test("what is said in a room is heard there, and the counter counts")
    func others() throws {
        guard
            case .publish(.room(_, .said("hi", username: "Anonymous", at: _), except: nil)) = try order(
                ["type": .string("chat_message"), "message": .string("hi")], .room(RoomName("general")!)),
            case .store(.count(.decrement(3), key: .some, at: _)) = try order(
                ["type": .string("counter_update"), "action": .string("decrement"), "value": .integer(3)], .counter),
            case .store(.count(.increment(1), key: .some, at: _)) = try order(
                ["type": .string("counter_update"), "action": .string("increment")], .counter)
        else { throw Failure() }
    }

    @Test(
        "what makes no sense is dropped for a reason",
        arguments: [
            (.unknownType, ["type": .string("notify"), "message": .string("x")], .chat(UserID(7))),
            (.unknownType, ["type": .string("websocket.close")], .notifications(UserID(7))),
            (.unknownType, ["type": .string("counter_update"), "action": .string("reset")], .everybody),
            (.malformed, ["type": .string("notify")], .everybody),
            (.malformed, ["type": .string("notify"), "message": .integer(5)], .everybody),
            (.malformed, ["type": .string("notify"), "message": .string("x"), "data": .array([])], .everybody),
            (.malformed, ["type": .string("notify"), "message": .string("x"), "priority": .string("?")], .everybody),
            (.malformed, ["type": .string("notify"), "message": .string("x"), "id": .integer(0)], .everybody),
            (
                .malformed,
                [
                    "type": .string("notify"), "message": .string("x"),
                    "data": .map([.init(key: "a", value: .bytes([]))]),
                ],
                .everybody
            ),
            (
                .tooLong, ["type": .string("notify"), "message": .string(String(repeating: "x", count: 16_385))],
                .everybody
            ),
            (.malformed, ["type": .string("chat_message"), "message": .string("x")], .chat(UserID(7))),
            (.malformed, ["type": .string("chat_message"), "message": .string("")], .room(RoomName("a")!)),
            (
                .malformed, ["type": .string("counter_update"), "action": .string("increment"), "value": .double(1)],
                .counter
            ),
            (.malformed, ["type": .string("counter_update"), "action": .string("double")], .counter),
        ] as [(ChannelMessage.Drop, KeyValuePairs<String, PackedValue>, ChannelGroup)])
    func drops(_ reason: ChannelMessage.Drop, _ content: KeyValuePairs<String, PackedValue>, _ group: ChannelGroup) {
        #expect(throws: reason) { try order(content, group) }
    }

    struct Failure: Error {}
}

/// The value as MessagePack, in long forms only, behind the random bytes of a channel layer.
func packed(_ value: PackedValue) -> [UInt8] {
    func number(_ mark: UInt8, _ count: Int, _ width: Int = 4) -> [UInt8] {
        [mark] + (0..<width).reversed().map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
    }
    func pack(_ value: PackedValue) -> [UInt8] {
        switch value {
        case .null: [0xC0]
        case .bool(let value): [value ? 0xC3 : 0xC2]
        case .integer(let value): number(0xD3, Int(value), 8)
        case .unsigned(let value): number(0xCF, Int(bitPattern: UInt(value)), 8)
        case .double(let value): number(0xCB, Int(bitPattern: UInt(value.bitPattern)), 8)
        case .string(let text): number(0xDB, text.utf8.count) + Array(text.utf8)
        case .bytes(let bytes): number(0xC6, bytes.count) + bytes
        case .array(let values): number(0xDD, values.count) + values.flatMap(pack)
        case .map(let members):
            number(0xDF, members.count) + members.flatMap { pack(.string($0.key)) + pack($0.value) }
        case .other(let type, let bytes): number(0xC9, bytes.count) + [UInt8(bitPattern: type)] + bytes
        }
    }
    return [UInt8](repeating: 0, count: ChannelMessage.randomPrefix) + pack(value)
}
