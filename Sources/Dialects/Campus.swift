package import Chat
package import JSON

/// Direct messages with attachments, and notifications of the campus front ends (specs/campus.md).
package enum Campus: Dialect {
    package static var endpoints: [Endpoint] {
        [
            Endpoint("/ws/chat/", .chat, token: .required),
            Endpoint("/ws/notifications/", .notifications, token: .required),
        ]
    }

    package static var wantsBacklog: Bool { true }
    package static var isForTokens: TokenKind? { .opaque }
    package static var echoesMessages: Bool { false }
    package static var limitsRate: Bool { false }
    package static var stopsTyping: Bool { false }
    package static func reads(from kind: Seat.Kind) -> Bool { kind != .notifications }

    package static func recognizes(_ frame: JSONValue) -> Bool {
        frame["type"] == nil && (frame["receiver_id"] != nil || frame["message"] != nil || frame["attachment"] != nil)
    }

    /// The checks run in the order that INTEROP.md gives.
    package static func decode(_ frame: JSONValue, from kind: Seat.Kind) throws(Refusal) -> Command {
        guard kind == .chat else { throw .unknownFormat }
        guard let receiver = frame["receiver_id"], !receiver.isNull else { throw .missing(.receiverID) }
        let text = try Self.text(frame["message"])
        let url = try Self.text(frame["attachment"])
        if text.isEmpty && url.isEmpty { throw .missing(.messageOrAttachment) }
        guard let id = receiver.id else { throw .unknownFormat }
        let attachment = url.isEmpty ? nil : Attachment(url)
        if attachment == nil, !url.isEmpty { throw .unknownFormat }
        return .send(
            Draft(text: text, attachment: attachment, clientID: try frame.clientID()), to: .person(UserID(id)))
    }

    /// A string; one that is absent or null is empty.
    private static func text(_ value: JSONValue?) throws(Refusal) -> String {
        guard let value, !value.isNull else { return "" }
        guard let text = value.string else { throw .unknownFormat }
        return text
    }

    package static func encode(_ event: Event, to role: Role, into json: inout JSONWriter) -> Bool {
        switch event {
        case .message(let message): Self.write(message, into: &json)
        case .relayed(let message, _, _): Self.write(message, into: &json)
        case .notification(let notification):
            json.object {
                $0.member("type", word: "notify")
                $0.member("title", notification.content.title)
                $0.member("message", notification.content.message)
                $0.member("notification_type", notification.content.type)
                $0.member("timestamp", notification.sentAt, .seconds)
                $0.raw("data", notification.content.data)
            }
        case .read, .typing, .unreadCount, .removed, .room, .counter, .counterUsers:
            return false
        }
        return true
    }

    private static func write(_ message: Message, into json: inout JSONWriter) {
        json.object {
            $0.member("type", word: "chat_message")
            $0.member("id", message.id.rawValue)
            $0.member("sender_id", message.sender.id.rawValue)
            $0.member("sender_name", message.sender.name)
            $0.member("message", message.text)
            $0.member("attachment", message.attachment?.url)
            $0.member("timestamp", message.sentAt, .microseconds)
        }
    }

    package static func encode(_ welcome: Welcome, into json: inout JSONWriter) -> Bool { false }

    package static func encode(_ answer: Answer, into json: inout JSONWriter) -> Bool {
        switch answer {
        case .stored(let id, _): Self.confirm(id, into: &json)
        case .repeated(let message): Self.confirm(message.id, into: &json)
        case .done, .started, .joined, .people, .conversations, .messages: return false
        case .refused(let refusal), .notSent(let refusal):
            json.object {
                $0.member("type", word: "error")
                $0.member("error", Self.words(for: refusal))
            }
        }
        return true
    }

    private static func confirm(_ id: MessageID, into json: inout JSONWriter) {
        json.object {
            $0.member("type", word: "message_sent")
            $0.member("id", id.rawValue)
            $0.member("status", word: "delivered")
        }
    }

    /// The specification's five, and no others.
    private static func words(for refusal: Refusal) -> String {
        switch refusal {
        case .notJSON: "Invalid JSON format"
        case .missing(.receiverID): "receiver_id is required"
        case .missing(.messageOrAttachment): "message or attachment is required"
        case .unknownRecipient: "Failed to send message. Receiver not found."
        case .unknownFormat, .missing, .badClientID, .clientIDInUse, .badAttachment, .badLimit, .badCursor,
            .recipientIsSender,
            .unknownConversation, .textTooLong, .tooFast, .personTooFast, .unknownNotification, .unknownNotice,
            .counterOverflow, .storeUnavailable, .storeBusy:
            "An error occurred while processing your message"
        }
    }
}
