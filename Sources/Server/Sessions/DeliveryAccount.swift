import Chat

/// How far a person's messages have reached them through one connection, as far as it can vouch for that.
struct DeliveryAccount {
    /// The message after which the account began, once it has.
    private var start = MessageID(0)
    /// The newest that was sent, and the newest up to which nothing is missing for certain.
    private(set) var lastSent = MessageID(0)
    private var confirmed = MessageID(0)
    /// What the pong to the ping under way acknowledges; 0 where none is.
    private var asked = MessageID(0)
    /// The newest message of all when the seat was taken.
    private(set) var seatedAt = MessageID(0)
    /// After which message the person is owed something, while it is open whether this connection needs it.
    private var owed = MessageID(0)
    private(set) var hasBegun = false
    /// Whether that is open.
    private var isUndecided = false

    /// The seat was taken.
    ///
    /// - Parameters:
    ///   - message: After which the person misses nothing that came before.
    ///   - newest: The newest message of all.
    ///   - isUndecided: Whether it is open if the client wants what was missed.
    mutating func begin(after message: MessageID, newest: MessageID, isUndecided: Bool) {
        hasBegun = true
        self.isUndecided = isUndecided
        owed = message
        confirmed = isUndecided ? newest : message
        start = confirmed
        seatedAt = newest
    }

    /// It has turned out whether the client wants what was missed.
    ///
    /// - Parameter isWanted: Then all comes again from there on: what was sent meanwhile was in the wrong words.
    /// - Returns: Whether that was open.
    mutating func settle(isWanted: Bool) -> Bool {
        if !isUndecided { return false }
        isUndecided = false
        start = owed
        asked = MessageID(0)
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
        guard isUnderWay, asked == MessageID(0) else { return nil }
        asked = lastSent
        return lastSent
    }

    /// An acknowledgement has come; one that was not asked for says nothing.
    ///
    /// - Returns: Whether it says something new.
    mutating func acknowledged(_ message: MessageID) -> Bool {
        guard asked != MessageID(0), asked == message else { return false }
        asked = MessageID(0)
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
        hasBegun ? Delivery(to: user, by: connection, after: start, upTo: confirmed) : nil
    }
}
