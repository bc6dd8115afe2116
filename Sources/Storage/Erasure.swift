package import Chat

/// What goes when people are deleted, compiled once.
struct ErasureStatements {
    let state, setState, gone: Statement
    let anonymize, leaveGroups, revokeTokens, begin: Statement
    let next, advance, end, lookedThrough, written: Statement
    let setIssued, deleteMessage: Statement
    /// Where messages are filed.
    let unfile: UnfilingStatements?
    let deleteNotifications, deleteReads, deleteClientIDs: Statement
    let forgetRecipient, forgetRequests, forgetReceipts, emptyConversations, deleteDirect: Statement
    let deleteMembers, deleteConversation: Statement

    init(_ database: Database) throws(StoreError) {
        state = try database.prepare("SELECT state FROM users WHERE id = ?1")
        setState = try database.prepare("UPDATE users SET state = ?2 WHERE id = ?1 AND state <> 2")
        gone = try database.prepare("SELECT id FROM users WHERE state = 2")
        anonymize = try database.prepare(
            // A username that no account can have.
            """
            UPDATE users SET username = 'deleted user ' || id, folded = 'deleted user ' || id, name = 'Deleted user',
                college = NULL, password = NULL, is_admin = 0, created_at = 0, delivered_id = 0, state = 2
            WHERE id = ?1
            """)
        leaveGroups = try database.prepare(
            """
            DELETE FROM members WHERE user_id = ?1
                AND conversation_id IN (SELECT id FROM conversations WHERE is_group <> 0)
            """)
        revokeTokens = try database.prepare("DELETE FROM tokens WHERE user_id = ?1")
        begin = try database.prepare(
            """
            INSERT INTO erasures (user_id, keeps_messages) VALUES (?1, ?2)
            ON CONFLICT (user_id) DO UPDATE SET keeps_messages = excluded.keeps_messages, done_id = 0
            """)

        next = try database.prepare("SELECT user_id, keeps_messages, done_id FROM erasures ORDER BY user_id")
        advance = try database.prepare("UPDATE erasures SET done_id = ?2 WHERE user_id = ?1")
        end = try database.prepare("DELETE FROM erasures WHERE user_id = ?1")
        lookedThrough = try database.prepare(
            "SELECT max(id) FROM (SELECT id FROM messages WHERE id > ?1 ORDER BY id LIMIT ?2) AS looked_at")
        written = try database.prepare(
            """
            SELECT id, conversation_id FROM messages WHERE id > ?1 AND id <= ?2 AND sender_id = ?3
            ORDER BY id LIMIT ?4
            """)
        setIssued = try database.prepare("UPDATE issued SET message_id = ?1 WHERE message_id < ?1")
        unfile = try database.sqlite.map { _ throws(StoreError) in try UnfilingStatements(database) }
        deleteMessage = try database.prepare("DELETE FROM messages WHERE id = ?1")

        deleteNotifications = try database.prepare(
            """
            DELETE FROM notifications WHERE id IN (
                SELECT id FROM notifications WHERE audience = 2 AND audience_id = ?1 LIMIT ?2)
            """)
        deleteReads = try database.prepare(
            """
            DELETE FROM notification_reads WHERE user_id = ?1 AND notification_id IN (
                SELECT notification_id FROM notification_reads WHERE user_id = ?1 LIMIT ?2)
            """)
        deleteClientIDs = try database.prepare(
            """
            DELETE FROM client_ids WHERE sender_id = ?1 AND client_id IN (
                SELECT client_id FROM client_ids WHERE sender_id = ?1 LIMIT ?2)
            """)
        forgetRecipient = try database.prepare("DELETE FROM bulk_recipients WHERE user_id = ?1")
        forgetRequests = try database.prepare("DELETE FROM request_keys WHERE scope LIKE '% person ' || ?1")
        forgetReceipts = try database.prepare(
            "UPDATE members SET last_read_id = 0, joined_after = 0 WHERE user_id = ?1")
        emptyConversations = try database.prepare(
            """
            SELECT conversation_id FROM members WHERE user_id = ?1 AND NOT EXISTS (
                SELECT 1 FROM filed_messages WHERE filed_messages.conversation_id = members.conversation_id)
            LIMIT ?2
            """)
        deleteDirect = try database.prepare("DELETE FROM direct_conversations WHERE conversation_id = ?1")
        deleteMembers = try database.prepare("DELETE FROM members WHERE conversation_id = ?1")
        deleteConversation = try database.prepare("DELETE FROM conversations WHERE id = ?1")
    }
}

/// Deleting people: at once nothing of the account is left but its id, under the name "Deleted user", so that what others
/// wrote keeps its place. What the person wrote, and the rest, is erased slice by slice; a crash between two slices
/// repeats nothing and forgets nothing.
extension Store {
    /// Messages that one slice looks at, and rows that it deletes: about 3 ms of work.
    private static let (lookedAtAtOnce, deletedAtOnce): (Int64, Int64) = (4000, 200)
    /// In place of how far an erasure has come: only the journal holds something yet.
    private static let onlyJournal: Int64 = -1

    /// Switches a person off or on, inside a transaction: who is off can't sign in, and is no longer connected.
    ///
    /// - Returns: Whether there is such a person.
    package func setDisabled(_ isDisabled: Bool, _ user: UserID) throws(StoreError) -> Bool {
        try erasure.setState.change(.integer(user.rawValue), .integer(isDisabled ? 1 : 0)) > 0
    }

    /// Deletes a person, inside a transaction; in whichever process, that of the server erases what is left.
    ///
    /// - Parameter keepsMessages: Whether what they wrote stays, as a deleted user's.
    /// - Returns: Whether there was such a person; one whose messages were kept can be deleted again, with them.
    package func delete(_ user: UserID, keepingMessages keepsMessages: Bool) throws(StoreError) -> Bool {
        let id = SQLValue.integer(user.rawValue)
        guard let state = try erasure.state.first(id, read: { $0.integer(0) }) else { return false }
        if state == 2, keepsMessages { return false }
        try erasure.revokeTokens.run(id)
        try erasure.leaveGroups.run(id)
        try erasure.anonymize.run(id)
        try erasure.begin.run(id, .integer(keepsMessages ? 1 : 0))
        try keptClients?.forget(user)
        try forget(user)
        hasChangedPeople = true
        return true
    }

    /// Something about a person has changed, perhaps in another process.
    func forget(_ user: UserID) throws(StoreError) {
        accounts.forget(user)
        members.removeAll()
        if try erasure.state.first(.integer(user.rawValue), read: { $0.integer(0) }) == 2,
            gone.insert(user).inserted
        {
            notifications.forgetCount(of: user)
            newlyGone.append(user)
        }
    }

    /// Who was deleted since the last call: what is kept of them in memory has to go.
    package func takeNewlyGone() -> [UserID] {
        defer { newlyGone = [] }
        return newlyGone
    }

    /// Whether a deletion goes on.
    package func isErasing() throws(StoreError) -> Bool { try erasure.next.first { _ in true } ?? false }

    /// Erases some more of a person who was deleted, inside a transaction.
    ///
    /// - Returns: Whether there may be more to do.
    package func eraseSlice() throws(StoreError) -> Bool {
        typealias Job = (user: UserID, keepsMessages: Bool, done: Int64)
        let jobs = try erasure.next.all { row -> Job in
            (UserID(row.integer(0)), row.integer(1) != 0, row.integer(2))
        }
        for (user, _, done) in jobs where done == Self.onlyJournal && scrubbed.contains(user) {
            try erasure.end.run(.integer(user.rawValue))
        }
        // Of one who was deleted just now by another process, something may be on its way yet.
        let job = jobs.first { $0.done != Self.onlyJournal && gone.contains($0.user) }
        wantsScrub = jobs.contains { $0.done == Self.onlyJournal && !scrubbed.contains($0.user) }
        guard let (user, keepsMessages, done) = job else { return wantsScrub }
        try fileMessages()
        try erasure.setIssued.run(.integer(newest.rawValue))
        if !keepsMessages, let end = try eraseMessages(of: user, after: done) {
            try erasure.advance.run(.integer(user.rawValue), .integer(end))
        } else if try !eraseRest(of: user) {
            guard hasJournal else {
                try erasure.end.run(.integer(user.rawValue))
                return true
            }
            try erasure.advance.run(.integer(user.rawValue), .integer(Self.onlyJournal))
            scrubbed.remove(user)
            wantsScrub = true
        }
        return true
    }

    /// - Returns: How far messages were looked through; `nil` when there are no more.
    private func eraseMessages(of user: UserID, after done: Int64) throws(StoreError) -> Int64? {
        let last = try erasure.lookedThrough.first(.integer(done), .integer(Self.lookedAtAtOnce)) {
            $0.optionalInteger(0)
        }
        guard let end = last ?? nil else { return nil }
        let found = try erasure.written.all(
            .integer(done), .integer(end), .integer(user.rawValue), .integer(Self.deletedAtOnce)
        ) { (id: $0.integer(0), conversation: $0.integer(1)) }
        for (id, conversation) in found { try deleteMessage(id, of: conversation) }
        return found.count < Self.deletedAtOnce ? end : found.last?.id
    }

    func deleteMessage(_ id: Int64, of conversation: Int64) throws(StoreError) {
        try erasure.unfile?.run(id, of: conversation)
        try erasure.deleteMessage.run(.integer(id))
    }

    /// - Returns: Whether there may be more.
    private func eraseRest(of user: UserID) throws(StoreError) -> Bool {
        let (id, limit) = (SQLValue.integer(user.rawValue), SQLValue.integer(Self.deletedAtOnce))
        for statement in [erasure.deleteNotifications, erasure.deleteReads, erasure.deleteClientIDs] {
            if try statement.change(id, limit) > 0 {
                notifications.hasChanged = true
                return true
            }
        }
        let empty = try erasure.emptyConversations.all(id, limit) { $0.integer(0) }
        for conversation in empty {
            for statement in [erasure.deleteDirect, erasure.deleteMembers, erasure.deleteConversation] {
                try statement.run(.integer(conversation))
            }
        }
        if !empty.isEmpty {
            members.removeAll()
            directConversations = [:]
            hasChangedPeople = true
            return true
        }
        for statement in [erasure.forgetRecipient, erasure.forgetRequests, erasure.forgetReceipts] {
            try statement.run(id)
        }
        return false
    }

    /// Empties the journal where something was erased, outside of a transaction, so that it is in no file any more. Where
    /// somebody reads at the moment, that is for the slice after the next.
    ///
    /// - Returns: Whether it was emptied.
    /// - Throws: When the disk failed.
    package func scrubIfWanted() throws(StoreError) -> Bool {
        guard wantsScrub, let log else { return false }
        wantsScrub = false
        let waiting = try erasure.next.all { (user: UserID($0.integer(0)), done: $0.integer(2)) }
        if try !log.empty() { return false }
        scrubbed = Set(waiting.filter { $0.done == Self.onlyJournal }.map(\.user))
        return true
    }

    /// Whether somebody who is part of a change is deleted.
    func isOfGone(_ change: Change) -> Bool {
        switch change {
        case .send(_, let sender, .person(let other), _): gone.contains(sender.id) || gone.contains(other)
        case .send(_, let sender, .conversation, _): gone.contains(sender.id)
        case .startConversation(let user, let other, _): gone.contains(user.id) || gone.contains(other)
        case .notify(.person(let user), _, _, _): gone.contains(user)
        case .markRead(_, let user, _), .join(_, let user), .readNotification(_, let user, _),
            .readAllNotifications(let user):
            gone.contains(user)
        case .notify, .addNotice, .publishNotice, .count: false
        }
    }
}
