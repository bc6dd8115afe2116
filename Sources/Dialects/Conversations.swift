package import Chat
package import JSON

/// Conversations with history, search and receipts, for front ends that sign in with a JWT (specs/conversations.md).
package enum Conversations: Dialect {
    package static var endpoints: [Endpoint] { [Endpoint("/ws/chat/", .chat, token: .required)] }
    package static var isForTokens: TokenKind? { .jwt }
    package static var wantsBacklog: Bool { false }
    package static var echoesMessages: Bool { true }
    package static var limitsRate: Bool { false }
    package static var stopsTyping: Bool { true }
    package static func reads(from kind: Seat.Kind) -> Bool { true }

    package static func recognizes(_ frame: JSONValue) -> Bool { frame["type"]?.string?.hasPrefix("chat.") ?? false }

    package static func decode(_ frame: JSONValue, from kind: Seat.Kind) throws(Refusal) -> Command {
        guard kind == .chat, let type = frame["type"] else { throw .unknownFormat }
        if type.equals("chat.message") {
            let conversation = try frame.id("conversation_id", .conversationID)
            return .send(try Self.draft(frame), to: .conversation(ConversationID(conversation)))
        }
        if type.equals("chat.typing") {
            let receiver = try frame.id("receiver_id", .receiverID)
            guard let isTyping = frame["is_typing"]?.bool else { throw .missing(.isTyping) }
            return .typing(.person(UserID(receiver)), isTyping: isTyping)
        }
        if type.equals("chat.read") {
            return .markRead(.conversation(ConversationID(try frame.id("conversation_id", .conversationID))))
        }
        if type.equals("chat.search_user") {
            guard let keyword = frame["keyword"]?.string else { throw .missing(.keyword) }
            return .look(.people(keyword: keyword))
        }
        if type.equals("chat.start_conversation") {
            return .startConversation(with: UserID(try frame.id("receiver_id", .receiverID)))
        }
        if type.equals("chat.get_conversations") { return .look(.conversations) }
        if type.equals("chat.get_messages") {
            let conversation = try frame.id("conversation_id", .conversationID)
            let limit = try Self.number(frame["limit"], orThrow: .badLimit)
            if let limit, limit < 1 { throw .badLimit }
            let before = try Self.number(frame["before_id"], orThrow: .badCursor)
            return .look(
                .messages(
                    of: ConversationID(conversation), before: before.map { MessageID($0) },
                    limit: limit.map { Int(clamping: $0) }))
        }
        throw .unknownFormat
    }

    private static func draft(_ frame: JSONValue) throws(Refusal) -> Draft {
        let attachment = try frame.attachment()
        guard let content = frame["content"], !content.isNull else {
            if attachment == nil { throw .missing(.content) }
            return Draft(text: "", attachment: attachment, clientID: try frame.clientID())
        }
        guard let text = content.string, !text.isEmpty || attachment != nil else { throw .missing(.content) }
        return Draft(text: text, attachment: attachment, clientID: try frame.clientID())
    }

    private static func number(_ value: JSONValue?, orThrow refusal: Refusal) throws(Refusal) -> Int64? {
        guard let value, !value.isNull else { return nil }
        guard let number = value.id else { throw refusal }
        return number
    }

    package static func encode(_ event: Event, to role: Role, into json: inout JSONWriter) -> Bool {
        switch event {
        case .relayed(_, in: nil, _): return false
        case .message(let message): Self.encode(message, into: &json)
        case .relayed(let message, _, _): Self.encode(message, into: &json)
        case .typing(let sign):
            json.object {
                $0.member("type", word: "chat.typing")
                $0.member("sender_id", sign.writer.rawValue)
                $0.member("is_typing", sign.isTyping)
            }
        case .read(let receipt):
            json.object {
                $0.member("type", word: "chat.read")
                $0.member("conversation_id", receipt.conversation.rawValue)
                $0.member("reader_id", receipt.reader.rawValue)
            }
        case .notification, .unreadCount, .removed, .room, .counter, .counterUsers:
            return false
        }
        return true
    }

    package static func encode(_ welcome: Welcome, into json: inout JSONWriter) -> Bool { false }

    package static func encode(_ answer: Answer, into json: inout JSONWriter) -> Bool {
        switch answer {
        case .stored, .joined, .done:
            // The message's echo says it.
            return false
        case .repeated(let message):
            Self.encode(message, into: &json)
        case .started(let conversation):
            json.object {
                $0.member("type", word: "chat.conversation_started")
                $0.object("conversation") {
                    $0.member("id", conversation.id.rawValue)
                    $0.array("participants") { list in
                        for user in conversation.participants { list.object { Self.write(user, into: &$0) } }
                    }
                }
            }
        case .people(let people):
            json.object {
                $0.member("type", word: "chat.search_results")
                $0.array("results") { list in
                    for user in people { list.object { Self.write(user, into: &$0) } }
                }
            }
        case .conversations(let conversations):
            json.object {
                $0.member("type", word: "chat.conversations")
                $0.array("conversations") { list in
                    for conversation in conversations { list.object { Self.write(conversation, into: &$0) } }
                }
            }
        case .messages(let messages):
            json.object {
                $0.member("type", word: "chat.messages")
                $0.array("messages") { list in
                    for message in messages { list.object { Self.write(message, into: &$0) } }
                }
            }
        case .refused(let refusal), .notSent(let refusal):
            json.object {
                $0.member("type", word: "error")
                $0.member("error", Self.words(for: refusal))
            }
        }
        return true
    }

    private static func encode(_ message: Message, into json: inout JSONWriter) {
        json.object {
            $0.member("type", word: "chat.message")
            $0.object("message") { Self.write(message, into: &$0) }
        }
    }

    private static func write(_ message: Message, into json: inout JSONWriter) {
        json.member("id", message.id.rawValue)
        json.member("conversation_id", message.conversation.rawValue)
        json.object("sender") { Self.write(message.sender, into: &$0) }
        json.member("content", message.text)
        json.member("timestamp", message.sentAt, .milliseconds)
        json.member("is_system", false)
        json.member("attachment", message.attachment?.url)
    }

    private static func write(_ user: User, into json: inout JSONWriter) {
        json.member("id", user.id.rawValue)
        json.member("username", user.username)
    }

    /// In the list, the specification names people's members otherwise.
    private static func write(_ conversation: Conversation, into json: inout JSONWriter) {
        json.member("id", conversation.id.rawValue)
        json.array("participants") { list in
            for user in conversation.participants {
                list.object {
                    $0.member("user__id", user.id.rawValue)
                    $0.member("user__username", user.username)
                }
            }
        }
    }

    private static func words(for refusal: Refusal) -> String {
        switch refusal {
        case .notJSON: "Invalid JSON format"
        case .unknownFormat, .unknownNotification, .unknownNotice, .counterOverflow: "Invalid message format"
        case .missing(let field): "\(field.rawValue) is required"
        case .badClientID: "client_id must be a string of 1 to 64 bytes"
        case .clientIDInUse: "client_id was used for a message of another conversation"
        case .badAttachment: "attachment must be an http or https URL"
        case .badLimit: "limit must be 1 or more"
        case .badCursor: "before_id must be a message id"
        case .unknownRecipient: "User not found."
        case .recipientIsSender: "You cannot start a conversation with yourself."
        case .unknownConversation: "Conversation not found."
        case .textTooLong: "Message is too long"
        case .tooFast, .personTooFast: "Rate limit exceeded"
        case .storeUnavailable, .storeBusy: "The store is not available. Please try again."
        }
    }
}
