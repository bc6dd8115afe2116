package import Chat
package import JSON

/// Named rooms, notifications for everybody, and the shared counter (specs/rooms.md).
package enum Rooms: Dialect {
    package static var endpoints: [Endpoint] {
        [
            Endpoint("/ws/chat/{room}/", .room, token: .optional),
            Endpoint("/ws/notifications/", .notifications, token: .optional),
            Endpoint("/ws/counter/", .counter, token: .optional),
        ]
    }

    package static var wantsBacklog: Bool { false }
    package static var isForTokens: TokenKind? { nil }
    package static var echoesMessages: Bool { false }
    package static var limitsRate: Bool { true }
    package static var stopsTyping: Bool { false }
    package static func reads(from kind: Seat.Kind) -> Bool { true }

    package static func recognizes(_ frame: JSONValue) -> Bool { false }

    package static func decode(_ frame: JSONValue, from kind: Seat.Kind) throws(Refusal) -> Command {
        switch kind {
        case .room:
            guard let type = frame["type"], type.equals("chat_message") else { throw .unknownFormat }
            let text = try frame.text("message", .message)
            let username = frame["username"]?.string ?? ""
            return .say(text: text, username: username.isEmpty ? "Anonymous" : username)
        case .counter:
            return .count(try Self.action(frame))
        case .notifications, .chat, .person:
            throw .unknownFormat
        }
    }

    private static func action(_ frame: JSONValue) throws(Refusal) -> CounterAction {
        guard let action = frame["action"] else { throw .unknownFormat }
        if action.equals("reset") { return .reset }
        var amount: Int64 = 1
        if let value = frame["value"] {
            guard let integer = value.int64 else { throw .unknownFormat }
            amount = integer
        }
        if action.equals("increment") { return .increment(amount) }
        if action.equals("decrement") { return .decrement(amount) }
        throw .unknownFormat
    }

    package static func encode(_ event: Event, to role: Role, into json: inout JSONWriter) -> Bool {
        switch event {
        case .room(_, .said(let text, let username, let time), _):
            json.object {
                $0.member("type", word: "chat_message")
                $0.member("message", text)
                $0.member("username", username)
                $0.member("timestamp", time, .naiveMicroseconds)
            }
        case .room(_, .joined, _):
            Self.encodeNotice("A user joined the room", "user_joined", into: &json)
        case .room(_, .left, _):
            Self.encodeNotice("A user left the room", "user_left", into: &json)
        case .notification(let notification):
            json.object {
                $0.member("type", word: "notification")
                $0.member("title", notification.content.title)
                $0.member("message", notification.content.message)
                $0.member("priority", notification.content.priority.rawValue)
                $0.member("timestamp", notification.sentAt, .naiveMicroseconds)
            }
        case .counter(let action, _, let time):
            let (name, value): (StaticString, Int64) =
                switch action {
                case .increment(let amount): ("increment", amount)
                case .decrement(let amount): ("decrement", amount)
                case .reset: ("reset", 0)
                }
            json.object {
                $0.member("type", word: "counter_update")
                $0.member("action", word: name)
                $0.member("value", value)
                $0.member("timestamp", time, .naiveMicroseconds)
            }
        case .counterUsers(let count):
            json.object {
                $0.member("type", word: "user_count_update")
                $0.member("count", count)
            }
        case .message, .relayed, .read, .typing, .unreadCount, .removed:
            return false
        }
        return true
    }

    private static func encodeNotice(_ message: StaticString, _ event: StaticString, into json: inout JSONWriter) {
        json.object {
            $0.member("type", word: "notification")
            $0.member("message", word: message)
            $0.member("event", word: event)
        }
    }

    package static func encode(_ welcome: Welcome, into json: inout JSONWriter) -> Bool {
        switch welcome {
        case .notifications(let time):
            json.object {
                $0.member("type", word: "connection_status")
                $0.member("status", word: "connected")
                $0.member("message", word: "Successfully connected to notifications")
                $0.member("timestamp", time, .naiveMicroseconds)
            }
        case .counter(let value):
            json.object {
                $0.member("type", word: "counter_update")
                $0.member("counter", value)
                $0.member("message", word: "Connected to counter")
            }
        }
        return true
    }

    package static func encode(_ answer: Answer, into json: inout JSONWriter) -> Bool {
        guard case .refused(let refusal) = answer else { return false }
        json.object {
            $0.member("type", word: "error")
            $0.member("message", Self.words(for: refusal))
        }
        return true
    }

    private static func words(for refusal: Refusal) -> String {
        switch refusal {
        case .notJSON: "Invalid JSON format"
        case .unknownFormat, .missing, .badClientID, .clientIDInUse, .badAttachment, .badLimit, .badCursor,
            .unknownRecipient,
            .recipientIsSender, .unknownConversation, .unknownNotification, .unknownNotice:
            "Invalid message format"
        case .textTooLong: "Invalid message (max 1000 characters)"
        case .tooFast, .personTooFast: "Rate limit exceeded"
        case .counterOverflow: "Counter overflow"
        case .storeUnavailable, .storeBusy: "The change could not be stored. Please try again."
        }
    }
}
