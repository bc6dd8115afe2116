import Chat

/// How far a person's messages have reached them through one connection, as far as it can vouch for that.
struct DeliveryAccount {
    /// The message after which the account began.
    private var start: MessageID?
    /// The newest that was sent, and the newest up to which nothing is missing for certain.
    private(set) var lastSent = MessageID(0)
    private var confirmed = MessageID(0)
    /// What the pong to the ping under way acknowledges.
    private var asked: MessageID?
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
        asked = nil
        if isWanted { (lastSent, confirmed) = (owed, owed) }
        return true
    }

    /// All up to a message was sent, or was not for the person.
    mutating func sent(upTo message: MessageID) { lastSent = max(lastSent, message) }

    /// Where nothing is under way, nothing is missing of what the person would have been sent.
    ///
    /// - Parameter newest: The newest message of all that was looked at for it.
    mutating func heard(_ newest: MessageID) { if !isUnderWay { confirmed = max(confirmed, newest) } }

    /// What to ask an acknowledgement for, unless one is awaited or nothing is under way.
    mutating func ask() -> MessageID? {
        guard isUnderWay, asked == nil else { return nil }
        asked = lastSent
        return lastSent
    }

    /// An acknowledgement has come; one that was not asked for says nothing.
    ///
    /// - Returns: Whether it says something new.
    mutating func acknowledged(_ message: MessageID) -> Bool {
        guard asked == message else { return false }
        asked = nil
        let isNew = confirmed < message
        confirmed = max(confirmed, message)
        return isNew
    }

    /// Nothing waits to be sent any more, where that is all that can be known.
    ///
    /// - Parameter heard: The newest message of all that would have been sent here, had it been for the person.
    mutating func confirm(heard: MessageID?) { confirmed = max(lastSent, heard ?? lastSent) }

    /// Whether more was sent than has certainly arrived.
    var isUnderWay: Bool { confirmed < lastSent }

    /// What the connection can vouch for.
    func delivery(to user: UserID, by connection: ConnectionID) -> Delivery? {
        start.map { Delivery(to: user, by: connection, after: $0, upTo: confirmed) }
    }
}
