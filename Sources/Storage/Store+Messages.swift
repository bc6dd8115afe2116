package import Chat

extension Store {
    /// How long a sender's own id of a message is remembered.
    private static let clientIDLifetime = RequestKeys.lifetime
    /// Readers look through what is not filed.
    private static let unfiledLimit = 16384

    /// Files what was stored lately by conversation, inside a transaction: in order, so that messages share pages.
    package func fileMessages() throws(StoreError) {
        guard let filing = statements.filing, unfiled.count > 0 else { return }
        hasFiled = true
        try unfiled.forEachConversation { conversation, messages throws(StoreError) in
            for start in stride(from: 0, to: messages.count, by: FiledMessages.mostInRow) {
                try filing.file(messages[start...].prefix(FiledMessages.mostInRow), of: conversation)
            }
        }
        try filing.setFiled.run(.integer(newest.rawValue))
        unfiled.removeAll()
    }

    package var hasUnfiledMessages: Bool { unfiled.count > 0 }

    func send(
        _ draft: Draft, from sender: User, to destination: Destination, at time: Timestamp
    ) throws(StoreError) -> Outcome {
        let conversation: ConversationID
        let recipients: Recipients
        switch destination {
        case .person(let recipient):
            guard let direct = try directConversation(of: sender.id, and: recipient, at: time) else {
                return .refused(.unknownRecipient)
            }
            (conversation, recipients) = (direct, .one(recipient))
        case .conversation(let id):
            guard let others = try others(in: id, besides: sender.id) else { return .refused(.unknownConversation) }
            (conversation, recipients) = (id, others)
        }
        // A conversation of two whose other one is deleted is there to be read.
        if isAnyoneGone, recipients.count == 1, gone.contains(recipients[0]) { return .refused(.unknownRecipient) }
        if let addressee = draft.addressee, !recipients.contains(addressee) { return .refused(.unknownRecipient) }
        if let earlier = try earlier(draft.clientID, of: sender.id, at: time) {
            return earlier.conversation == conversation ? .repeated(earlier) : .refused(.clientIDInUse)
        }
        let id = MessageID(lastMessage.rawValue + 1)
        try statements.messages.insert(
            id, in: conversation, from: sender.id, draft.text, at: time, draft.attachment)
        newest = id
        unfiled.append(id, from: sender.id, in: conversation)
        if unfiled.count >= Self.unfiledLimit { try fileMessages() }
        if let clientID = draft.clientID {
            try statements.insertClientID.run(
                .integer(sender.id.rawValue), .text(clientID.text), .integer(id.rawValue),
                .integer(time.microseconds))
        }
        return .stored(
            Message(
                id: id, conversation: conversation, sender: sender, text: draft.text, attachment: draft.attachment,
                sentAt: time, for: recipients))
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
            (conversation, others) = (id, Array(members))
        }
        let (person, id) = (SQLValue.integer(reader.rawValue), SQLValue.integer(conversation.rawValue))
        var newest = unfiled.newest(in: conversation)
        if newest == nil { newest = try statements.newestFiled.first(id) { MessageID($0.integer(0)) } }
        let last = try statements.lastRead.first(person, id) { MessageID($0.integer(0)) } ?? MessageID(0)
        guard let newest, newest > last else { return .unchanged }
        // Also over one's own: no message is looked at again the next time.
        try statements.setRead.run(person, id, .integer(newest.rawValue))
        var authors = Set(unfiled.entries(in: conversation, after: last).map(\.sender))
        try statements.unreadAuthors.forEach(person, id, .integer(last.rawValue)) { row in
            authors.insert(UserID(row.integer(0)))
            return true
        }
        authors.remove(reader)
        if authors.isEmpty { return .unchanged }
        return .read(
            Receipt(
                conversation: conversation, reader: reader, authors: authors.sorted(), others: others, readAt: time))
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
    package func owedBacklog(after position: MessageID) -> Backlog {
        Backlog(start: position, messages: [], end: lastMessage, isComplete: true)
    }

    /// The message up to which a person needs no repetition.
    package func delivered(to user: UserID) throws(StoreError) -> MessageID {
        try statements.delivered.first(.integer(user.rawValue)) { MessageID($0.integer(0)) } ?? lastMessage
    }

    /// The next part of what waits for a person: at most 200 messages and about `bytes` of text.
    ///
    /// - Parameter start: The last message that needs no repetition.
    package func backlog(of user: UserID, after start: MessageID, bytes: Int = 262_144) throws(StoreError) -> Backlog {
        let count = 200
        var room = bytes
        var found = 0
        var end = start
        var messages: [Message] = []
        func take(_ id: MessageID, _ message: Message?) {
            found += 1
            end = id
            guard let message else { return }
            room -= message.text.utf8.count
            messages.append(message)
        }
        if try mayHaveFiledBacklog(of: user, after: start) {
            try statements.filedBacklog.forEach(
                .integer(user.rawValue), .integer(start.rawValue), .integer(Int64(count))
            ) { row throws(StoreError) in
                take(MessageID(row.integer(0)), try conversations.message(row))
                return room > 0
            }
        }
        if found < count, room > 0 {
            for id in try unfiledBacklog(of: user, after: start).prefix(count - found) where room > 0 {
                take(id, try conversations.message(id))
            }
        }
        let isComplete = found < count && room > 0
        return Backlog(
            start: start, messages: messages, end: isComplete ? lastMessage : end, isComplete: isComplete)
    }

    private func mayHaveFiledBacklog(of user: UserID, after start: MessageID) throws(StoreError) -> Bool {
        guard let statement = statements.hasFiledBacklog else { return true }
        return try statement.first(.integer(user.rawValue), .integer(start.rawValue)) { _ in true } ?? false
    }

    /// What waits for a person and is not filed, oldest first.
    private func unfiledBacklog(of user: UserID, after start: MessageID) throws(StoreError) -> [MessageID] {
        if start >= lastMessage || unfiled.count == 0 { return [] }
        var messages: [MessageID] = []
        try statements.memberships.forEach(.integer(user.rawValue)) { row in
            let after = max(start, MessageID(row.integer(1)))
            for entry in unfiled.entries(in: ConversationID(row.integer(0)), after: after) where entry.sender != user {
                messages.append(entry.message)
            }
            return true
        }
        return messages.sorted()
    }

    /// Notes what has reached a person, as far as nothing is missing before it.
    package func noteDelivery(to user: UserID, after start: MessageID, upTo end: MessageID) throws(StoreError) {
        if end <= start || gone.contains(user) { return }
        try statements.setDelivered.run(
            .integer(user.rawValue), .integer(start.rawValue), .integer(end.rawValue))
    }

    /// Notes that a person needs nothing of what there is.
    package func noteEverything(for user: UserID) throws(StoreError) {
        try noteDelivery(to: user, after: MessageID(0), upTo: lastMessage)
    }
}
