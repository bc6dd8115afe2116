package import Chat

extension Store {
    /// How long a sender's own id of a message is remembered.
    private static let clientIDLifetime = RequestKeys.lifetime

    func send(
        _ draft: Draft, from sender: User, to destination: Destination, at time: Timestamp
    ) throws(StoreError) -> Outcome {
        let conversation: ConversationID
        let recipients: [UserID]
        switch destination {
        case .person(let recipient):
            guard let direct = try directConversation(of: sender.id, and: recipient, at: time) else {
                return .refused(.unknownRecipient)
            }
            (conversation, recipients) = (direct, [recipient])
        case .conversation(let id):
            guard let others = try others(in: id, besides: sender.id) else { return .refused(.unknownConversation) }
            (conversation, recipients) = (id, others)
        }
        if let addressee = draft.addressee, !recipients.contains(addressee) { return .refused(.unknownRecipient) }
        if let earlier = try earlier(draft.clientID, of: sender.id, at: time) {
            return earlier.conversation == conversation ? .repeated(earlier) : .refused(.clientIDInUse)
        }
        let id = MessageID(lastMessage.rawValue + 1)
        try statements.insertMessage.run(
            .integer(id.rawValue), .integer(conversation.rawValue), .integer(sender.id.rawValue), .text(draft.text),
            .integer(time.microseconds), SQLValue(draft.attachment?.url))
        lastMessage = id
        if let clientID = draft.clientID {
            try statements.insertClientID.run(
                .integer(sender.id.rawValue), .text(clientID.text), .integer(id.rawValue),
                .integer(time.microseconds))
        }
        let message = Message(
            id: id, conversation: conversation, sender: sender, text: draft.text, attachment: draft.attachment,
            sentAt: time)
        return .stored(message, for: recipients)
    }

    /// The message that its sender gave this name before.
    private func earlier(
        _ clientID: ClientID?, of sender: UserID, at time: Timestamp
    ) throws(StoreError) -> Message? {
        guard let clientID else { return nil }
        let id = try statements.clientID.first(
            .integer(sender.rawValue), .text(clientID.text), .integer((time - Self.clientIDLifetime).microseconds)
        ) { MessageID($0.integer(0)) }
        return try id.flatMap { id throws(StoreError) in try conversations.message(id) }
    }

    func markRead(
        _ destination: Destination, by reader: UserID, at time: Timestamp
    ) throws(StoreError) -> Outcome {
        let conversation: ConversationID
        let others: [UserID]
        switch destination {
        case .person(let author):
            guard let direct = try directConversation(of: reader, and: author) else {
                return try user(author) == nil ? .refused(.unknownRecipient) : .unchanged
            }
            (conversation, others) = (direct, [author])
        case .conversation(let id):
            guard let members = try self.others(in: id, besides: reader) else { return .refused(.unknownConversation) }
            (conversation, others) = (id, members)
        }
        let (person, id) = (SQLValue.integer(reader.rawValue), SQLValue.integer(conversation.rawValue))
        let newest = try statements.newestInConversation.first(id) { $0.integer(0) } ?? 0
        let last = try statements.lastRead.first(person, id) { $0.integer(0) } ?? 0
        if newest <= last { return .unchanged }
        // Also over one's own: no message is looked at again the next time.
        try statements.setRead.run(person, id, .integer(newest))
        let authors = try statements.unreadAuthors.all(person, id, .integer(last)) { UserID($0.integer(0)) }
        if authors.isEmpty { return .unchanged }
        return .read(
            Receipt(conversation: conversation, reader: reader, authors: authors, others: others, readAt: time))
    }

    /// Forgets the senders' own ids of messages, and the callers' of requests, that are older than a day.
    package func forgetClientIDs(at now: Timestamp) throws(StoreError) {
        try requestKeys.forget(at: now)
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

    /// What waits for a person, but for the messages: for who may want them yet.
    package func owedBacklog(of user: UserID) throws(StoreError) -> Backlog {
        let start = try statements.delivered.first(.integer(user.rawValue)) { MessageID($0.integer(0)) }
        return Backlog(start: start ?? lastMessage, messages: [], end: lastMessage, isComplete: true)
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
            guard let message = try conversations.message(row) else { return }
            room -= message.text.utf8.count
            messages.append(message)
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
