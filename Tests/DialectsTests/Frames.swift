import Chat
import Dialects
import JSON
import Testing

/// What a client's text asks for, in a form that can be compared.
func decoded(_ text: String, by dialect: any Dialect.Type, from kind: Seat.Kind) throws -> String {
    let frame = try frame(text)
    do {
        return description(of: try dialect.decode(frame, from: kind))
    } catch {
        return "refused: \(description(of: error))"
    }
}

private func description(of command: Command) -> String {
    switch command {
    case .send(let draft, let destination):
        "send to \(description(of: destination)): \(draft.text)" + (draft.attachment.map { " [\($0.url)]" } ?? "")
            + (draft.clientID.map { " (\($0.text))" } ?? "") + (draft.addressee.map { " reaching \($0)" } ?? "")
    case .markRead(let destination): "read \(description(of: destination))"
    case .typing(let destination, let isTyping, let addressee):
        "\(isTyping ? "typing" : "typed") to \(description(of: destination))"
            + (addressee.map { " reaching \($0)" } ?? "")
    case .startConversation(let other): "start with \(other)"
    case .join(let conversation): "join \(conversation)"
    case .leave(let conversation): "leave \(conversation)"
    case .look(.people(let keyword)): "people like '\(keyword)'"
    case .look(.conversations): "conversations"
    case .look(.messages(let conversation, let before, let limit)):
        "messages of \(conversation)" + (before.map { " before \($0)" } ?? "") + (limit.map { ", \($0)" } ?? "")
    case .readNotification(let id): "read notification \(id)"
    case .say(let text, let username): "\(username) says: \(text)"
    case .count(.increment(let amount)): "count +\(amount)"
    case .count(.decrement(let amount)): "count -\(amount)"
    case .count(.reset): "count reset"
    }
}

private func description(of destination: Destination) -> String {
    switch destination {
    case .person(let id): "\(id)"
    case .conversation(let id): "conversation \(id)"
    }
}

private func description(of refusal: Refusal) -> String {
    if case .missing(let field) = refusal { "missing \(field.rawValue)" } else { "\(refusal)" }
}

/// A client's text as the value that a dialect recognizes; its parser stays, so that it can be looked at.
func frame(_ text: String) throws -> JSONValue {
    let parser = JSONParser(maximumLength: 1 << 20)
    _ = unsafe Unmanaged.passRetained(parser)
    return try parser.parse(Array(text.utf8).span)
}

/// The frame for an event, or `nil` where the dialect has no words for it, and then it must have written nothing.
func encoded(_ event: Event, by dialect: any Dialect.Type, to role: Role = .other) -> String? {
    written { dialect.encode(event, to: role, into: &$0) }
}

func encoded(_ welcome: Welcome, by dialect: any Dialect.Type) -> String? {
    written { dialect.encode(welcome, into: &$0) }
}

func encoded(_ answer: Answer, by dialect: any Dialect.Type) -> String? {
    written { dialect.encode(answer, into: &$0) }
}

func encoded(_ refusal: Refusal, by dialect: any Dialect.Type) -> String? {
    encoded(.refused(refusal), by: dialect)
}

private func written(_ encode: (inout JSONWriter) -> Bool) -> String? {
    var json = JSONWriter()
    let hasWords = encode(&json)
    #expect(hasWords == !json.bytes.isEmpty)
    return hasWords ? String(decoding: json.bytes, as: UTF8.self) : nil
}

// MARK: - Who and what

let aarav = User(id: UserID(5), username: "aarav", name: "Aarav Sharma", college: CollegeID(1))
let hello = Message(
    id: MessageID(1024), conversation: ConversationID(3), sender: aarav, text: "Hello", sentAt: .halfPastTwelve)
let talk = Conversation(id: ConversationID(3), participants: [aarav])

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
                sentAt: .halfPastTwelve, for: [UserID(7)]))
    }

    /// Aarav has read what 7 wrote.
    static func read(at time: Timestamp) -> Event {
        .read(
            Receipt(
                conversation: ConversationID(3), reader: aarav.id, authors: [UserID(7)],
                others: [UserID(7), UserID(8)], readAt: time))
    }

    static func typing(_ isTyping: Bool) -> Event {
        .typing(TypingSign(writer: aarav.id, readers: [UserID(7)], conversation: nil, isTyping: isTyping))
    }

    static func notification(_ content: NotificationContent, at time: Timestamp) -> Event {
        .notification(Notification(id: NotificationID(501), audience: .everybody, content: content, sentAt: time))
    }

    static func inGeneral(_ event: RoomEvent) -> Event { .room(RoomName("general")!, event, except: nil) }
}
