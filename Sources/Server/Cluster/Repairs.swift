import Chat

/// What has to be looked after where changes of other nodes were not heard, and the store does not tell them one by one:
/// how many notifications people have not read, the counter, who is in which room. It takes its time, as it is no loss.
struct Repairs {
    private var isDue = false
    /// Whose notifications are to be counted.
    private var people: ArraySlice<UserID> = []
    private var isCounterDue = false
    /// How many of them the writer was asked to count, and when.
    private var underWay: (count: Int, at: UInt64)?
    /// Who has come just now: other nodes may not have known of them yet.
    private var newcomers: ArraySlice<(user: UserID, at: UInt64)> = []
    private var notBefore: UInt64 = 0

    /// Milliseconds between two rounds for everybody, until an answer is given up, and in which somebody is new.
    private static let interval: UInt64 = 5000, patience: UInt64 = 5000, newness: UInt64 = 2000
    /// People who are counted in one transaction.
    private static let slice = 50

    /// Batches were not heard.
    mutating func afterGap() { isDue = true }

    /// A batch was not heard as a whole.
    mutating func afterPart() {
        isCounterDue = true
        people += newcomers.map(\.user)
        newcomers = []
    }

    /// Somebody comes who is told how many notifications they have not read.
    mutating func comes(_ user: UserID, at now: UInt64) { newcomers.append((user, now)) }

    /// Begins a round for everybody, when it is time.
    mutating func begins(at now: UInt64) -> Bool {
        while let first = newcomers.first, first.at + Self.newness < now { newcomers.removeFirst() }
        guard isDue, people.isEmpty, now >= notBefore else { return false }
        (isDue, isCounterDue, notBefore) = (false, true, now + Self.interval)
        return true
    }

    mutating func add(_ users: [UserID]) { people += users }

    /// Whom the writer is to count now, with the counter.
    mutating func next(at now: UInt64) -> [UserID]? {
        if let underWay, now < underWay.at + Self.patience { return nil }
        if people.isEmpty, !isCounterDue { return nil }
        let slice = Array(people.prefix(Self.slice))
        underWay = (slice.count, now)
        return slice
    }

    /// The answer of the writer was delivered.
    mutating func done() {
        guard let count = underWay.take()?.count else { return }
        people.removeFirst(min(count, people.count))
        isCounterDue = false
    }
}
