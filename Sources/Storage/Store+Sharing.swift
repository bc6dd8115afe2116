import Chat

/// Two counts that the database keeps where several nodes write to it: whoever sees another one than before forgets what
/// it remembers.
struct SharedVersions: Equatable {
    /// People, who is deleted, who is in which conversation, and which conversation a pair has.
    var people: Int64 = 0
    /// How many notifications people have not read.
    var notifications: Int64 = 0
}

/// A store that other nodes write to as well. One transaction is under way at a time, over all nodes (``Database``), so
/// that what is read when it begins holds to its end. The ids of messages grow in the order of the commits.
extension Store {
    /// Whether other nodes may write to the store.
    package var isShared: Bool { database.postgresql != nil }

    /// What became of the last transaction, when the error was that this is not known.
    ///
    /// - Returns: Whether it was committed.
    /// - Throws: When that can't be found out yet.
    package func settle() throws(StoreError) -> Bool { try database.postgresql?.settle() ?? false }

    func sharedTransaction<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
        let (versions, seen, newestNotification) = (versions, seen, notifications.newest)
        isAnnounced = false
        do {
            let result = try database.transaction { () throws(StoreError) in
                try catchUp()
                let result = try body()
                if hasChangedPeople || notifications.hasChanged || isAnnounced {
                    try statements.raiseVersions?.run(
                        .integer(hasChangedPeople ? 1 : 0), .integer(notifications.hasChanged ? 1 : 0),
                        .integer(isAnnounced ? 1 : 0), .integer(notifications.newest.rawValue))
                }
                return result
            }
            // Of one's own changes, what is remembered is up to date.
            if hasChangedPeople { self.versions.people += 1 }
            if notifications.hasChanged { self.versions.notifications += 1 }
            return result
        } catch {
            (self.versions, self.seen, notifications.newest) = (versions, seen, newestNotification)
            throw error
        }
    }

    /// Takes note of what other nodes, and commands, have changed since the last transaction.
    private func catchUp() throws(StoreError) {
        let found = try statements.lastMessage.first { row in
            (
                row.integer(5), SharedVersions(people: row.integer(1), notifications: row.integer(2)), row.integer(3),
                StorePosition(message: MessageID(row.integer(0)), notification: NotificationID(row.integer(4)))
            )
        }
        guard let (compatibleFrom, current, batch, position) = found else { return }
        // A node that goes on all the same would store what newer ones can't make sense of.
        if compatibleFrom > Migrations.newest {
            throw StoreError(
                .disk,
                "the database was migrated for programs that know version \(compatibleFrom), this one knows up to "
                    + "\(Migrations.newest)")
        }
        newest = position.message
        notifications.newest = position.notification
        seen = (batch, position)
        if current.notifications != versions.notifications { notifications.forgetCounts() }
        if current.people != versions.people {
            directConversations = [:]
            members.removeAll()
            accounts.forgetKnown()
            notifications.forgetCounts()
            let deleted = Set(try erasure.gone.all { UserID($0.integer(0)) })
            newlyGone += deleted.subtracting(gone)
            gone = deleted
        }
        versions = current
    }
}
