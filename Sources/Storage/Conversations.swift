package import Chat

/// Conversations, who is in them, and their messages, as they are read.
package final class Conversations {
    private let accounts: Accounts
    private let one, direct, membership, participants, list, lastRead, unread: Statement
    private let byID, newest, before, after: Statement

    package init(_ database: Database, _ accounts: Accounts) throws(StoreError) {
        self.accounts = accounts
        one = try database.prepare("SELECT is_group, title FROM conversations WHERE id = ?1")
        direct = try database.prepare(
            "SELECT conversation_id FROM direct_conversations WHERE first_user = ?1 AND second_user = ?2")
        membership = try database.prepare("SELECT 1 FROM members WHERE user_id = ?1 AND conversation_id = ?2")
        participants = try database.prepare("SELECT user_id FROM members WHERE conversation_id = ?1 ORDER BY user_id")
        let listed = { (unfiled: String, newest: String, join: String) in
            """
            \(unfiled) SELECT id, is_group, title, active_at FROM (
                SELECT conversations.id, is_group, title, coalesce(
                    (SELECT created_at FROM messages WHERE id = \(newest)), conversations.created_at) AS active_at
                FROM members JOIN conversations ON conversations.id = members.conversation_id \(join)
                WHERE members.user_id = ?1) AS listed
            WHERE (active_at, id) < (?2, ?3) ORDER BY active_at DESC, id DESC LIMIT ?4
            """
        }
        list = try database.prepare(
            sqlite: listed(
                """
                WITH unfiled AS MATERIALIZED (
                    SELECT conversation_id, max(id) AS newest FROM messages WHERE id > (SELECT message_id FROM filing)
                    GROUP BY conversation_id)
                """,
                "coalesce(unfiled.newest, \(FiledMessages.newest(of: "conversations.id")))",
                "LEFT JOIN unfiled ON unfiled.conversation_id = conversations.id"),
            postgresql: listed(
                "", "(SELECT max(recent.id) FROM messages AS recent WHERE recent.conversation_id = conversations.id)",
                ""))
        lastRead = try database.prepare("SELECT last_read_id FROM members WHERE user_id = ?1 AND conversation_id = ?2")
        unread = try database.prepare(
            sqlite: """
                SELECT count(*) FROM (\(FiledMessages.ids(of: "?2", after: "?3", newestFirst: true, limit: "10000")))
                CROSS JOIN messages ON messages.id = message_id
                WHERE sender_id <> ?1
                """,
            postgresql: """
                SELECT count(*) FROM (
                    SELECT sender_id FROM messages WHERE conversation_id = ?2 AND id > ?3
                    ORDER BY id DESC LIMIT 10000) AS recent
                WHERE sender_id <> ?1
                """)
        let columns = "SELECT id, messages.conversation_id, sender_id, text, created_at, attachment FROM"
        byID = try database.prepare("\(columns) messages WHERE id = ?1")
        let page = { (filed: String, condition: String) throws(StoreError) in
            try database.prepare(
                sqlite: "\(columns) (\(filed)) CROSS JOIN messages ON messages.id = message_id",
                postgresql: "\(columns) messages WHERE conversation_id = ?1 \(condition)")
        }
        newest = try page(
            FiledMessages.ids(of: "?1", newestFirst: true, limit: "1"), "ORDER BY id DESC LIMIT 1")
        before = try page(
            FiledMessages.ids(of: "?1", before: "?2", newestFirst: true, limit: "?3"),
            "AND id < ?2 ORDER BY id DESC LIMIT ?3")
        after = try page(
            FiledMessages.ids(of: "?1", after: "?2", newestFirst: false, limit: "?3"),
            "AND id > ?2 ORDER BY id LIMIT ?3")
    }

    /// A conversation; `nil` when there is none, or when the person is not in it.
    package func conversation(_ id: ConversationID, of user: UserID) throws(StoreError) -> Conversation? {
        try isMember(user, of: id) ? try conversation(id) : nil
    }

    func conversation(_ id: ConversationID) throws(StoreError) -> Conversation? {
        let found = try one.first(.integer(id.rawValue)) { ($0.integer(0) != 0, $0.optionalText(1)) }
        guard let (isGroup, title) = found else { return nil }
        return Conversation(id: id, isGroup: isGroup, title: title, participants: try people(in: id))
    }

    /// The one conversation of two people, where there is one.
    package func direct(of one: UserID, and other: UserID) throws(StoreError) -> ConversationID? {
        let (first, second) = one < other ? (one, other) : (other, one)
        return try direct.first(.integer(first.rawValue), .integer(second.rawValue)) { ConversationID($0.integer(0)) }
    }

    /// Who hears that somebody types; a refusal where there is nobody, or where the writer does not belong.
    package func readers(
        of destination: Destination, writer: UserID
    ) throws(StoreError) -> Result<TypingSign, Refusal> {
        switch destination {
        case .person(let reader):
            if try accounts.user(reader) == nil { return .failure(.unknownRecipient) }
            // Nobody watches themselves type.
            return .success(
                TypingSign(
                    writer: writer, readers: reader == writer ? [] : [reader],
                    conversation: try direct(of: writer, and: reader)))
        case .conversation(let id):
            let members = try members(of: id)
            if !members.contains(writer) { return .failure(.unknownConversation) }
            return .success(
                TypingSign(writer: writer, readers: members.filter { $0 != writer }, conversation: id))
        }
    }

    package func isMember(_ user: UserID, of id: ConversationID) throws(StoreError) -> Bool {
        try membership.first(.integer(user.rawValue), .integer(id.rawValue)) { _ in true } ?? false
    }

    /// The ids of the people in a conversation, ascending.
    func members(of id: ConversationID) throws(StoreError) -> [UserID] {
        try participants.all(.integer(id.rawValue)) { UserID($0.integer(0)) }
    }

    private func people(in id: ConversationID) throws(StoreError) -> [User] {
        var people: [User] = []
        for member in try members(of: id) {
            if let user = try accounts.user(member) { people.append(user) }
        }
        return people
    }

    // MARK: - Lists

    /// Where a page of a list ended: what comes next was last active before, or then and with a smaller id.
    package struct Place: Sendable {
        package let activeAt: Timestamp
        package let id: ConversationID

        package init(activeAt: Timestamp, id: ConversationID) {
            self.activeAt = activeAt
            self.id = id
        }
    }

    /// A person's conversations behind a place, those last active first: at most `limit`, and no more than one behind
    /// those that have `people` participants in all.
    ///
    /// - Complexity: O(*n*) in the person's conversations.
    package func list(
        of user: UserID, behind place: Place?, limit: Int, people: Int = .max
    ) throws(StoreError) -> [(conversation: Conversation, place: Place)] {
        var room = people
        var found: [(conversation: Conversation, place: Place)] = []
        try list.forEach(
            .integer(user.rawValue), .integer(place?.activeAt.microseconds ?? .max),
            .integer(place?.id.rawValue ?? .max), .integer(Int64(limit))
        ) { row throws(StoreError) in
            let id = ConversationID(row.integer(0))
            let conversation = Conversation(
                id: id, isGroup: row.integer(1) != 0, title: row.optionalText(2), participants: try self.people(in: id))
            found.append((conversation, Place(activeAt: Timestamp(microseconds: row.integer(3)), id: id)))
            defer { room -= conversation.participants.count }
            return room > 0
        }
        return found
    }

    /// What a person sees of a conversation that they are in.
    package func summary(of conversation: Conversation, for user: UserID) throws(StoreError) -> Conversation.Summary {
        let (user, id) = (SQLValue.integer(user.rawValue), SQLValue.integer(conversation.id.rawValue))
        let read = try lastRead.first(user, id) { $0.integer(0) } ?? 0
        let count = try unread.first(user, id, .integer(read)) { Int($0.integer(0)) }
        return Conversation.Summary(
            conversation: conversation, lastMessage: try newest.first(id, read: message) ?? nil,
            unreadCount: min(count ?? 0, Conversation.Summary.unreadLimit))
    }

    // MARK: - Messages

    package func message(_ id: MessageID) throws(StoreError) -> Message? {
        try byID.first(.integer(id.rawValue), read: message) ?? nil
    }

    /// The newest messages of a conversation before a given one, oldest first: at most `limit`, and no more than have
    /// about `bytes` of text.
    ///
    /// - Complexity: O(log *n* + `limit`), wherever in the conversation.
    package func messages(
        of id: ConversationID, before: MessageID?, limit: Int, bytes: Int = .max
    ) throws(StoreError) -> [Message] {
        try page(self.before, of: id, from: before?.rawValue ?? .max, limit, bytes).reversed()
    }

    /// The oldest messages of a conversation after a given one, likewise.
    package func messages(
        of id: ConversationID, after: MessageID, limit: Int, bytes: Int = .max
    ) throws(StoreError) -> [Message] {
        try page(self.after, of: id, from: after.rawValue, limit, bytes)
    }

    private func page(
        _ statement: Statement, of id: ConversationID, from cursor: Int64, _ limit: Int, _ bytes: Int
    ) throws(StoreError) -> [Message] {
        // What a message costs beside its text when it is sent, about.
        let overhead = 256
        var room = bytes
        var messages: [Message] = []
        try statement.forEach(.integer(id.rawValue), .integer(cursor), .integer(Int64(limit))) {
            row throws(StoreError) in
            guard let message = try message(row) else { return true }
            room -= message.text.utf8.count + (message.attachment?.url.utf8.count ?? 0) + overhead
            if room >= 0 || messages.isEmpty { messages.append(message) }
            return room > 0
        }
        return messages
    }

    /// - Parameter row: The columns of a message, as all statements here and the writer's backlog name them.
    func message(_ row: Row) throws(StoreError) -> Message? {
        guard let sender = try accounts.user(UserID(row.integer(2))) else { return nil }
        return Message(
            id: MessageID(row.integer(0)), conversation: ConversationID(row.integer(1)), sender: sender,
            text: row.text(3), attachment: row.optionalText(5).flatMap { Attachment($0) },
            sentAt: Timestamp(microseconds: row.integer(4)))
    }
}
