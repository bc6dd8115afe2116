import Chat
import Dialects
import JSON
import Testing

/// What a client's text asks for, in a form that can be compared.
func decoded(_ text: String, by dialect: some Dialect, from kind: Seat.Kind) throws -> String {
    let frame = try JSONParser(maximumLength: 1 << 20).parse(Array(text.utf8).span)
    do {
        return description(of: try dialect.decode(frame, from: kind))
    } catch {
        return "refused: \(description(of: error))"
    }
}

private func description(of command: Command) -> String {
    switch command {
    case .sendDirect(let recipient, let text, let attachment, let clientID):
        "send to \(recipient): \(text)" + (attachment.map { " [\($0.url)]" } ?? "")
            + (clientID.map { " (\($0.text))" } ?? "")
    case .markRead(let author): "read from \(author)"
    case .typing(let recipient): "typing to \(recipient)"
    case .readNotification(let id): "read notification \(id)"
    case .say(let text, let username): "\(username) says: \(text)"
    case .count(.increment(let amount)): "count +\(amount)"
    case .count(.decrement(let amount)): "count -\(amount)"
    case .count(.reset): "count reset"
    }
}

private func description(of refusal: Refusal) -> String {
    if case .missing(let field) = refusal { "missing \(field.rawValue)" } else { "\(refusal)" }
}

/// The frame for an event, or `nil` where the dialect has no words for it, and then it must have written nothing.
func encoded(_ event: Event, by dialect: some Dialect) -> String? {
    written { dialect.encode(event, into: &$0) }
}

func encoded(_ welcome: Welcome, by dialect: some Dialect) -> String? {
    written { dialect.encode(welcome, into: &$0) }
}

func encoded(_ answer: Answer, by dialect: some Dialect) -> String? {
    written { dialect.encode(answer, into: &$0) }
}

func encoded(_ refusal: Refusal, by dialect: some Dialect) -> String? {
    encoded(.refused(refusal), by: dialect)
}

private func written(_ encode: (inout JSONWriter) -> Bool) -> String? {
    var json = JSONWriter()
    let hasWords = encode(&json)
    #expect(hasWords == !json.bytes.isEmpty)
    return hasWords ? String(decoding: json.bytes, as: UTF8.self) : nil
}

// MARK: - Events

let aarav = User(id: UserID(5), username: "aarav", name: "Aarav Sharma", college: CollegeID(1))

extension Timestamp {
    /// 2026-01-06T12:30:00Z
    static let halfPastTwelve = Timestamp(microseconds: 1_767_702_600_000_000)
    /// 2025-01-27T12:30:45.123456
    static let january = Timestamp(microseconds: 1_737_981_045_123_456)
}

extension Event {
    static func message(_ text: String, from sender: User = aarav) -> Event {
        .message(
            Message(
                id: MessageID(1024), conversation: ConversationID(3), sender: sender, text: text,
                sentAt: .halfPastTwelve), for: [UserID(7)])
    }

    static func notification(_ content: NotificationContent, at time: Timestamp) -> Event {
        .notification(Notification(id: NotificationID(501), audience: .everybody, content: content, sentAt: time))
    }

    static func inGeneral(_ event: RoomEvent) -> Event { .room(RoomName("general")!, event, except: nil) }
}
