package import Chat

extension Store {
    func startConversation(
        of user: UserID, and other: UserID, at time: Timestamp
    ) throws(StoreError) -> Outcome {
        let isNew = try directConversation(of: user, and: other) == nil
        guard let id = try directConversation(of: user, and: other, at: time),
            let conversation = try conversations.conversation(id)
        else { return .refused(.unknownRecipient) }
        return .started(conversation, isNew: isNew)
    }

    /// The one conversation of two people, where there is one.
    func directConversation(of one: UserID, and other: UserID) throws(StoreError) -> ConversationID? {
        let pair = Pair(one, other)
        if let known = directConversations[pair] { return known }
        let found = try conversations.direct(of: one, and: other)
        if let found { remember(found, of: pair) }
        return found
    }

    /// The one conversation of two people, made where it is missing; `nil` when the other does not exist.
    func directConversation(
        of one: UserID, and other: UserID, at time: Timestamp
    ) throws(StoreError) -> ConversationID? {
        if let known = try directConversation(of: one, and: other) { return known }
        guard try user(other) != nil else { return nil }
        let id = try insertConversation(isGroup: false, title: nil, of: [one, other], at: time)
        let pair = Pair(one, other)
        try statements.insertDirect.run(
            .integer(pair.first.rawValue), .integer(pair.second.rawValue), .integer(id.rawValue))
        remember(id, of: pair)
        return id
    }

    private func remember(_ conversation: ConversationID, of pair: Pair) {
        if directConversations.count >= Self.cacheLimit { directConversations = [:] }
        directConversations[pair] = conversation
    }

    private func insertConversation(
        isGroup: Bool, title: String?, of people: [UserID], at time: Timestamp
    ) throws(StoreError) -> ConversationID {
        let id = ConversationID(
            try statements.insertConversation.insert(
                .integer(time.microseconds), .integer(isGroup ? 1 : 0), SQLValue(title)))
        for person in people { try insertMember(person, of: id) }
        return id
    }

    /// What was said before somebody came is history to them, but nothing that they missed.
    private func insertMember(_ user: UserID, of conversation: ConversationID) throws(StoreError) {
        try statements.insertMember.run(
            .integer(user.rawValue), .integer(conversation.rawValue), .integer(lastMessage.rawValue))
    }

    /// Who is in a conversation besides a person; `nil` when the person is not in it.
    func others(in conversation: ConversationID, besides user: UserID) throws(StoreError) -> Recipients? {
        let members = try members(of: conversation)
        if members.count == 2, let place = members.firstIndex(of: user) { return .one(members[1 - place]) }
        return members.contains(user) ? Recipients(members.filter { $0 != user }) : nil
    }

    private func members(of conversation: ConversationID) throws(StoreError) -> [UserID] {
        if let known = members[conversation] { return known }
        let found = try conversations.members(of: conversation)
        // What does not exist is not worth a place.
        if found.isEmpty { return [] }
        if members.count >= Self.membersCacheLimit { members.removeAll() }
        members[conversation] = found
        return found
    }

    // MARK: - Groups

    /// Makes a group, inside a transaction.
    ///
    /// - Returns: `nil` when one of the people does not exist.
    package func startGroup(
        of people: [UserID], title: String?, at time: Timestamp
    ) throws(StoreError) -> Conversation? {
        for person in people where try user(person) == nil { return nil }
        let id = try insertConversation(isGroup: true, title: title, of: people, at: time)
        return try conversations.conversation(id)
    }

    /// Adds people who exist to a group, inside a transaction.
    package func add(_ people: [UserID], to group: ConversationID) throws(StoreError) {
        for person in people { try insertMember(person, of: group) }
        members[group] = nil
        hasChangedPeople = true
    }

    /// Takes a person out of a group, inside a transaction; what they wrote stays.
    package func remove(_ user: UserID, from group: ConversationID) throws(StoreError) {
        try statements.deleteMember.run(.integer(user.rawValue), .integer(group.rawValue))
        try keptClients?.remove(user, from: group)
        members[group] = nil
        hasChangedPeople = true
    }
}
