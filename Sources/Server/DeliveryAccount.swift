import Chat

/// How far a person's messages have reached them through one connection, as far as it can vouch for that.
struct DeliveryAccount {
    /// The message after which the account began.
    private var start: MessageID?
    /// The newest that was sent, and the newest that has certainly left the queue.
    private var lastSent = MessageID(0)
    private var confirmed = MessageID(0)
    /// The newest message of all when the seat was taken.
    private(set) var seatedAt = MessageID(0)
    /// What the person was owed before this connection, while it is open whether this one needs it.
    private var owed: MessageID?

    var hasBegun: Bool { start != nil }

    /// The seat was taken.
    ///
    /// - Parameters:
    ///   - message: After which the person misses nothing that came before.
    ///   - newest: The newest message of all.
    ///   - isUndecided: Whether it is open if the client wants what was missed.
    mutating func begin(after message: MessageID, newest: MessageID, isUndecided: Bool) {
        owed = isUndecided ? message : nil
        confirmed = isUndecided ? newest : message
        start = confirmed
        seatedAt = newest
    }

    /// It has turned out whether the client wants what was missed.
    ///
    /// - Parameter isWanted: Then all comes again from there on: what was sent meanwhile was in the wrong words.
    /// - Returns: Whether that was open.
    mutating func settle(isWanted: Bool) -> Bool {
        guard let owed = owed.take() else { return false }
        start = owed
        if isWanted { (lastSent, confirmed) = (owed, owed) }
        return true
    }

    /// All up to a message was sent, or was not for the person.
    mutating func sent(upTo message: MessageID) { lastSent = max(lastSent, message) }

    /// Nothing waits to be sent any more.
    ///
    /// - Parameter heard: The newest message of all that would have been sent here, had it been for the person.
    mutating func confirm(heard: MessageID?) { confirmed = max(lastSent, heard ?? lastSent) }

    /// Whether more was sent than has certainly left.
    var isUnderWay: Bool { confirmed < lastSent }

    /// What the connection can vouch for.
    func delivery(to user: UserID) -> Delivery? { start.map { Delivery(to: user, after: $0, upTo: confirmed) } }
}
