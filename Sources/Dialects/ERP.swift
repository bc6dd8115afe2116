package import Chat
package import JSON

/// Direct messages and notifications of the KUMSS ERP front ends (specs/erp.md).
package enum ERP: Dialect {
    package static var endpoints: [Endpoint] {
        [
            Endpoint("/ws/v1/chat/", .chat, token: .required),
            Endpoint("/ws/v1/notifications/", .notifications, token: .required),
        ]
    }

    package static var wantsBacklog: Bool { true }
    package static var isForTokens: TokenKind? { nil }
    package static var echoesMessages: Bool { false }
    package static var limitsRate: Bool { false }
    package static var stopsTyping: Bool { false }
    package static func reads(from kind: Seat.Kind) -> Bool { true }

    package static func recognizes(_ frame: JSONValue) -> Bool { false }

    package static func decode(_ frame: JSONValue, from kind: Seat.Kind) throws(Refusal) -> Command {
        guard let type = frame["type"] else { throw .unknownFormat }
        switch kind {
        case .chat where type.equals("chat_message"):
            let text = try frame.text("message", .message)
            let recipient = try frame.id("recipient_id", .recipientID)
            return .send(Draft(text: text, clientID: try frame.clientID()), to: .person(UserID(recipient)))
        case .chat where type.equals("mark_read"):
            return .markRead(.person(UserID(try frame.id("sender_id", .senderID))))
        case .chat where type.equals("typing"):
            return .typing(.person(UserID(try frame.id("recipient_id", .recipientID))), isTyping: true)
        case .notifications where type.equals("mark_read"):
            return .readNotification(NotificationID(try frame.id("id", .notificationID)))
        case .chat, .person, .notifications, .room, .counter:
            throw .unknownFormat
        }
    }

    package static func encode(_ event: Event, to role: Role, into json: inout JSONWriter) -> Bool {
        switch event {
        case .message(let message): Self.write(message, into: &json)
        case .relayed(let message, _, _): Self.write(message, into: &json)
        case .read(let receipt):
            if role != .author { return false }
            json.object {
                $0.member("type", word: "messages_read")
                $0.member("reader_id", receipt.reader.rawValue)
                $0.member("timestamp", receipt.readAt, .seconds)
            }
        case .typing(let sign):
            if !sign.isTyping { return false }
            json.object {
                $0.member("type", word: "user_typing")
                $0.member("sender_id", sign.writer.rawValue)
            }
        case .notification(let notification):
            json.object {
                $0.member("type", word: "notification")
                $0.member("id", notification.id.rawValue)
                $0.member("title", notification.content.title)
                $0.member("message", notification.content.message)
                $0.member("category", notification.content.category)
                $0.member("link", notification.content.link ?? "")
                $0.member("timestamp", notification.sentAt, .seconds)
                $0.member("is_read", false)
            }
        case .unreadCount(let count, _):
            json.object {
                $0.member("type", word: "unread_count")
                $0.member("count", count)
            }
        case .removed, .room, .counter, .counterUsers:
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
            $0.member("message", textOrAttachmentOf: message)
            $0.member("timestamp", message.sentAt, .seconds)
        }
    }

    package static func encode(_ welcome: Welcome, into json: inout JSONWriter) -> Bool { false }

    /// A stored message needs no word, but that its recipient is away is told (INTEROP.md, erp).
    package static func encode(_ answer: Answer, into json: inout JSONWriter) -> Bool {
        let words: String
        switch answer {
        case .stored(_, isRecipientPresent: true), .done: return false
        // Whoever repeats has missed nothing: that the recipient was away is old news.
        case .repeated, .started, .joined, .people, .conversations, .messages: return false
        case .stored(_, isRecipientPresent: false): words = Self.words(for: .unknownRecipient)
        case .refused(let refusal), .notSent(let refusal): words = Self.words(for: refusal)
        }
        json.object {
            $0.member("type", word: "error")
            $0.member("message", words)
        }
        return true
    }

    private static func words(for refusal: Refusal) -> String {
        switch refusal {
        case .unknownRecipient: "User not found or offline."
        case .notJSON: "Invalid JSON format"
        case .unknownFormat: "Invalid message format"
        case .missing(let field): "\(field.rawValue) is required"
        case .badClientID: "client_id must be a string of 1 to 64 bytes"
        case .clientIDInUse: "client_id was used for a message of another conversation"
        case .badAttachment, .badLimit, .badCursor, .unknownConversation, .unknownNotice: "Invalid message format"
        case .recipientIsSender: "You cannot send a message to yourself."
        case .textTooLong: "Message is too long"
        case .tooFast, .personTooFast: "Rate limit exceeded"
        case .unknownNotification: "Notification not found."
        case .counterOverflow: "Counter overflow"
        case .storeUnavailable, .storeBusy: "The message could not be stored. Please try again."
        }
    }
}
