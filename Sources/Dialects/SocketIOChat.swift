package import Chat
package import JSON

/// Conversations as rooms that a client joins, receipts, typing and notifications, as events of Socket.IO
/// (specs/socketio.md).
package enum SocketIOChat: Dialect {
    package static var endpoints: [Endpoint] { [Endpoint("/socket.io/", .person, token: .required)] }
    package static var transport: Transport { .socketIO }
    package static var isForTokens: TokenKind? { nil }
    package static var wantsBacklog: Bool { false }
    package static var echoesMessages: Bool { false }
    package static var limitsRate: Bool { false }
    package static var stopsTyping: Bool { true }
    package static func reads(from kind: Seat.Kind) -> Bool { true }
    package static func recognizes(_ frame: JSONValue) -> Bool { false }

    package static func decode(_ frame: JSONValue, from kind: Seat.Kind) throws(Refusal) -> Command {
        guard kind == .person, let name = frame.element(at: 0) else { throw .unknownFormat }
        let payload = frame.element(at: 1)
        if name.equals("send_message") { return try Self.message(payload) }
        if name.equals("join_conversation") { return .join(try Self.conversation(payload)) }
        if name.equals("leave_conversation") { return .leave(try Self.conversation(payload)) }
        if name.equals("mark_read") {
            return .markRead(.conversation(try Self.conversation(payload?["conversationId"])))
        }
        if name.equals("typing_start") { return try Self.typing(payload, starts: true) }
        if name.equals("typing_stop") { return try Self.typing(payload, starts: false) }
        throw .unknownFormat
    }

    private static func conversation(_ value: JSONValue?) throws(Refusal) -> ConversationID {
        guard let id = value?.id else { throw .missing(.conversationID) }
        return ConversationID(id)
    }

    private static func message(_ payload: JSONValue?) throws(Refusal) -> Command {
        guard let payload, let destination = Self.destination(payload) else { throw .missing(.receiverID) }
        let attachment = try payload.attachment()
        let content = payload["content"].flatMap { $0.isNull ? nil : $0 }
        guard let text = content == nil ? "" : content?.string, !text.isEmpty || attachment != nil else {
            throw .missing(.content)
        }
        let draft = Draft(
            text: text, attachment: attachment, clientID: try payload.clientID(),
            addressee: try addressee(payload, destination, orThrow: .missing(.receiverID)))
        return .send(draft, to: destination)
    }

    private static func typing(_ payload: JSONValue?, starts: Bool) throws(Refusal) -> Command {
        guard let payload, let destination = destination(payload) else { throw .missing(.recipientID) }
        return .typing(
            destination, isTyping: starts,
            addressee: try addressee(payload, destination, orThrow: .missing(.recipientID)))
    }

    /// Who must be in the conversation, where both are given.
    private static func addressee(
        _ payload: JSONValue, _ destination: Destination, orThrow refusal: Refusal
    ) throws(Refusal) -> UserID? {
        guard case .conversation = destination, let value = payload["toUserId"], !value.isNull else { return nil }
        guard let id = value.id else { throw refusal }
        return UserID(id)
    }

    /// The conversation; where none is given, the one with the person.
    private static func destination(_ payload: JSONValue) -> Destination? {
        if let value = payload["conversationId"], !value.isNull {
            return value.id.map { .conversation(ConversationID($0)) }
        }
        return payload["toUserId"]?.id.map { .person(UserID($0)) }
    }

    package static func encode(_ event: Event, to role: Role, into json: inout JSONWriter) -> Bool {
        switch event {
        case .message(let message):
            if role == .joined {
                Self.write("new_message", message, for: message.recipients, into: &json)
            } else {
                Self.write("message_notification", message, for: message.recipients, isNotification: true, into: &json)
            }
        case .relayed(_, in: nil, _): return false
        case .relayed(let message, _, let recipient):
            Self.write("message_notification", message, for: .one(recipient), isNotification: true, into: &json)
        case .read(let receipt):
            json.append(word: "messages_read")
            json.object {
                $0.member("conversationId", receipt.conversation.rawValue)
                $0.member("userId", receipt.reader.rawValue)
                $0.member("readAt", receipt.readAt, .milliseconds)
            }
        case .typing(let sign):
            json.append(word: sign.isTyping ? "typing_start" : "typing_stop")
            json.object {
                $0.member("conversationId", sign.conversation?.rawValue)
                $0.member("userId", sign.writer.rawValue)
            }
        case .notification(let notification):
            json.append(word: "new_notification")
            json.object {
                $0.member("id", notification.id.rawValue)
                $0.member("user_id", notification.audience.person?.rawValue)
                $0.member("title", notification.content.title)
                $0.member("message", notification.content.message)
                $0.member("type", notification.content.type)
                $0.member("created_at", notification.sentAt, .milliseconds)
            }
        case .unreadCount, .removed, .room, .counter, .counterUsers:
            return false
        }
        return true
    }

    private static func write(
        _ event: StaticString, _ message: Message, for recipients: Recipients, isNotification: Bool = false,
        into json: inout JSONWriter
    ) {
        json.append(word: event)
        json.object {
            $0.member("id", message.id.rawValue)
            $0.member("conversation_id", message.conversation.rawValue)
            $0.member("sender_id", message.sender.id.rawValue)
            // All who hear of it share these words: where several receive it, it is for nobody in particular.
            $0.member("receiver_id", recipients.count == 1 ? recipients[0].rawValue : nil)
            $0.member("content", textOrAttachmentOf: message)
            $0.member("is_read", false)
            if !isNotification { $0.null("read_at") }
            $0.member("created_at", message.sentAt, .milliseconds)
            if isNotification { $0.member("type", word: "new_message") }
        }
    }

    package static func encode(_ welcome: Welcome, into json: inout JSONWriter) -> Bool { false }

    package static func encode(_ answer: Answer, into json: inout JSONWriter) -> Bool {
        guard let refusal = answer.refusal else { return false }
        json.append(word: "error")
        json.object { $0.member("message", isOfMessage(answer) ? "Failed to send message" : Self.words(for: refusal)) }
        return true
    }

    /// Whether a message was refused: by the store or the house, or because it is none.
    private static func isOfMessage(_ answer: Answer) -> Bool {
        switch answer {
        case .notSent: true
        case .refused(let refusal):
            [.missing(.receiverID), .missing(.content), .badClientID, .badAttachment].contains(refusal)
        case .stored, .repeated, .done, .started, .joined, .people, .conversations, .messages: false
        }
    }

    package static func acknowledge(_ answer: Answer, into json: inout JSONWriter) {
        json.object {
            $0.member("ok", answer.refusal == nil)
            switch answer {
            case .stored(let id, _): $0.member("id", id.rawValue)
            case .repeated(let message): $0.member("id", message.id.rawValue)
            case .refused(let refusal), .notSent(let refusal): $0.member("error", Self.words(for: refusal))
            case .done, .started, .joined, .people, .conversations, .messages: break
            }
        }
    }

    private static func words(for refusal: Refusal) -> String {
        switch refusal {
        case .unknownFormat, .notJSON: "Unknown event"
        case .missing(.conversationID): "conversationId is required"
        case .missing(.receiverID), .missing(.recipientID): "conversationId or toUserId is required"
        case .missing(let field): "\(field.rawValue) is required"
        case .badClientID: "client_id must be a string of 1 to 64 bytes"
        case .clientIDInUse: "client_id was used for a message of another conversation"
        case .badAttachment: "attachment must be an http or https URL"
        case .unknownRecipient: "User not found"
        case .recipientIsSender: "You cannot send a message to yourself"
        case .unknownConversation: "Conversation not found"
        case .textTooLong: "Message is too long"
        case .tooFast, .personTooFast: "Rate limit exceeded"
        case .badLimit, .badCursor, .unknownNotification, .unknownNotice, .counterOverflow: "Invalid request"
        case .storeUnavailable, .storeBusy: "The store is not available. Please try again."
        }
    }
}
