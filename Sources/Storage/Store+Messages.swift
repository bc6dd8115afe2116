package import Chat

extension Store {
    /// How long a sender's own id of a message is remembered: a day.
    private static let clientIDLifetime = Duration.seconds(86_400)

    func sendDirect(
        from sender: User, to recipient: UserID, text: String, attachment: Attachment?, clientID: ClientID?,
        at time: Timestamp
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
            .integer(time.microseconds), SQLValue(attachment?.url))
        lastMessage = id
        if let clientID {
            try statements.insertClientID.run(
                .integer(sender.id.rawValue), .text(clientID.text), .integer(id.rawValue),
                .integer(time.microseconds))
        }
        let message = Message(
            id: id, conversation: conversation, sender: sender, text: text, attachment: attachment, sentAt: time)
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

    /// Messages to a person, oldest first.
    package struct Backlog: Sendable {
        /// What came before the first of them.
        package let start: MessageID
        package let messages: [Message]
        /// Up to where there are no others.
        package let end: MessageID
        /// Whether that is the newest message of all.
        package let isComplete: Bool
    }

    /// Nothing, as of now: for who needs no backlog.
    package var emptyBacklog: Backlog {
        Backlog(start: lastMessage, messages: [], end: lastMessage, isComplete: true)
    }

    /// The next part of what waits for a person: at most 200 messages and about `bytes` of text.
    ///
    /// - Parameter position: The last message that needs no repetition; `nil` asks for what was noted with
    ///   ``note(_:)``.
    package func backlog(of user: UserID, after position: MessageID?, bytes: Int = 262_144) throws(StoreError)
        -> Backlog
    {
        let count = 200
        var after = position?.rawValue
        if after == nil { after = try statements.delivered.first(.integer(user.rawValue)) { $0.integer(0) } }
        let start = MessageID(after ?? 0)
        var room = bytes
        var end = start
        var messages: [Message] = []
        let rows: [Void] = try statements.backlog.all(
            .integer(user.rawValue), .integer(start.rawValue), .integer(Int64(count))
        ) { row throws(StoreError) in
            if room <= 0 { return }
            end = MessageID(row.integer(0))
            guard let sender = try self.user(UserID(row.integer(2))) else { return }
            let text = row.text(3)
            room -= text.utf8.count
            messages.append(
                Message(
                    id: end, conversation: ConversationID(row.integer(1)), sender: sender, text: text,
                    attachment: row.optionalText(5).flatMap { Attachment($0) },
                    sentAt: Timestamp(microseconds: row.integer(4))))
        }
        let isComplete = rows.count < count && room > 0
        return Backlog(
            start: start, messages: messages, end: isComplete ? lastMessage : end, isComplete: isComplete)
    }

    /// Notes what has reached a person, as far as nothing is missing before it.
    package func note(_ delivery: Delivery) throws(StoreError) {
        if delivery.end <= delivery.start { return }
        try statements.setDelivered.run(
            .integer(delivery.user.rawValue), .integer(delivery.start.rawValue), .integer(delivery.end.rawValue))
    }

    /// Notes that a person needs nothing of what there is.
    package func noteEverything(for user: UserID) throws(StoreError) {
        try note(Delivery(to: user, after: MessageID(0), upTo: lastMessage))
    }
}
