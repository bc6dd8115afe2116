package import Chat

extension Store {
    /// How long a sender's own id of a message is remembered: a day.
    private static let clientIDLifetime = Duration.seconds(86_400)

    func sendDirect(
        from sender: User, to recipient: UserID, text: String, clientID: ClientID?, at time: Timestamp
    ) throws(StoreError) -> Outcome {
        if let clientID {
            let oldest = time - Self.clientIDLifetime
            let earlier = try statements.clientID.first(
                .integer(sender.id.rawValue), .text(clientID.text), .integer(oldest.microseconds)
            ) { MessageID($0.integer(0)) }
            if let earlier { return .repeated(earlier) }
        }
        guard let conversation = try directConversation(of: sender.id, and: recipient, at: time) else {
            return .refused(.unknownRecipient)
        }
        let id = MessageID(lastMessage.rawValue + 1)
        try statements.insertMessage.run(
            .integer(id.rawValue), .integer(conversation.rawValue), .integer(sender.id.rawValue), .text(text),
            .integer(time.microseconds))
        lastMessage = id
        if let clientID {
            try statements.insertClientID.run(
                .integer(sender.id.rawValue), .text(clientID.text), .integer(id.rawValue),
                .integer(time.microseconds))
        }
        let message = Message(id: id, conversation: conversation, sender: sender, text: text, sentAt: time)
        return .stored(message, for: [recipient])
    }

    /// The one conversation of two people, made where it is missing; `nil` when the other does not exist.
    private func directConversation(
        of one: UserID, and other: UserID, at time: Timestamp
    ) throws(StoreError) -> ConversationID? {
        let pair = Pair(one, other)
        if let known = directConversations[pair] { return known }
        let first = SQLValue.integer(pair.first.rawValue)
        let second = SQLValue.integer(pair.second.rawValue)
        var conversation = try statements.directConversation.first(first, second) { $0.integer(0) }
        if conversation == nil {
            guard try user(other) != nil else { return nil }
            try statements.insertConversation.run(.integer(time.microseconds))
            let id = database.lastInsertedRow
            try statements.insertDirect.run(first, second, .integer(id))
            try statements.insertMember.run(first, .integer(id))
            try statements.insertMember.run(second, .integer(id))
            conversation = id
        }
        if directConversations.count >= Self.cacheLimit { directConversations = [:] }
        directConversations[pair] = conversation.map { ConversationID($0) }
        return directConversations[pair]
    }

    func markRead(by reader: UserID, from author: UserID, at time: Timestamp) throws(StoreError) -> Outcome {
        let pair = Pair(reader, author)
        let conversation = try statements.directConversation.first(
            .integer(pair.first.rawValue), .integer(pair.second.rawValue)
        ) { $0.integer(0) }
        guard let conversation else { return .unchanged }
        let person = SQLValue.integer(reader.rawValue)
        let last = try statements.lastUnread.first(person, .integer(conversation)) { $0.integer(0) }
        guard let last else { return .unchanged }
        try statements.setRead.run(person, .integer(conversation), .integer(last))
        return .read(ConversationID(conversation), by: reader, author: author, at: time)
    }

    /// Forgets the senders' own ids of messages that are older than a day.
    package func forgetClientIDs(at now: Timestamp) throws(StoreError) {
        try statements.forgetClientIDs.run(.integer((now - Self.clientIDLifetime).microseconds))
    }

    // MARK: - Backlog

    /// Messages to a person after a given one, oldest first.
    package struct Backlog: Sendable {
        package let messages: [Message]
        /// Whether there are no more.
        package let isComplete: Bool

        package init(messages: [Message], isComplete: Bool) {
            self.messages = messages
            self.isComplete = isComplete
        }
    }

    /// The next part of what waits for a person: at most 200 messages and about 256 KiB of text.
    ///
    /// - Parameter position: The last message that needs no repetition; `nil` asks for what was noted with
    ///   ``setDelivered(_:to:)``.
    package func backlog(of user: UserID, after position: MessageID?) throws(StoreError) -> Backlog {
        let count = 200
        var after = position?.rawValue
        if after == nil { after = try statements.delivered.first(.integer(user.rawValue)) { $0.integer(0) } }
        var room = 262_144
        let rows = try statements.backlog.all(.integer(user.rawValue), .integer(after ?? 0), .integer(Int64(count))) {
            row throws(StoreError) -> Message? in
            if room <= 0 { return nil }
            guard let sender = try self.user(UserID(row.integer(2))) else { return nil }
            let text = row.text(3)
            room -= text.utf8.count
            return Message(
                id: MessageID(row.integer(0)), conversation: ConversationID(row.integer(1)), sender: sender,
                text: text, sentAt: Timestamp(microseconds: row.integer(4)))
        }
        return Backlog(messages: rows.compactMap(\.self), isComplete: rows.count < count && room > 0)
    }

    /// Notes that messages up to `message` reached a person; never goes back.
    package func setDelivered(_ message: MessageID, to user: UserID) throws(StoreError) {
        try statements.setDelivered.run(.integer(user.rawValue), .integer(message.rawValue))
    }
}
