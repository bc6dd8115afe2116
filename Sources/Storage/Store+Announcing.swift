package import Chat

/// One transaction that something is to be heard of, among those of all nodes.
package struct Announcement: Sendable, Equatable {
    /// From 1, without a gap: those that were committed, in the order of their commits.
    package let number: Int64
    /// What the transaction found.
    package let before: StorePosition
    /// The same, and what it stored itself.
    package let after: StorePosition

    package init(number: Int64, before: StorePosition, after: StorePosition) {
        (self.number, self.before, self.after) = (number, before, after)
    }
}

extension Store {
    /// How far messages and notifications have got, with what the transaction under way has stored so far. Where other nodes
    /// may write to the store only (``isShared``).
    package var position: StorePosition { StorePosition(message: newest, notification: notifications.newest) }

    /// Numbers the transaction under way, as the last thing that happens in it. Of a transaction that fails, the next one
    /// has the number.
    ///
    /// - Throws: Where the store is for one node alone.
    package func announce() throws(StoreError) -> Announcement {
        if !isShared { throw .notShared }
        // The lock is held to the end, so nobody else has taken the number; it is written with what else has changed.
        isAnnounced = true
        return Announcement(
            number: seen.batch + 1, before: seen.position, after: position)
    }
}
