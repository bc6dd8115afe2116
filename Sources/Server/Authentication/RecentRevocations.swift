import Chat

/// By whom a session was opened, and by which token the store knows, if by one.
struct Holder {
    let user: UserID
    let token: TokenID?
}

/// What was revoked lately. A token may have been looked up just before, so that its session opens just after.
struct RecentRevocations {
    /// With the tick at which the loop heard of it.
    private var tokens: [TokenID: UInt32] = [:]
    private var people: [UserID: UInt32] = [:]
    /// Whether sessions that are open have to be looked through.
    private(set) var hasNews = false
    /// In ticks. Between the store's answer and the session there is one wake-up of a thread.
    private static let lifetime = 2 * DeadlineWheel.resolution

    mutating func add(_ revocation: Revocation, at now: UInt32) {
        hasNews = true
        switch revocation {
        case .token(let token, _): tokens[token] = now
        case .person(let user): people[user] = now
        }
    }

    func include(_ holder: Holder) -> Bool {
        people[holder.user] != nil || holder.token.map { tokens[$0] != nil } ?? false
    }

    /// All sessions that are open were looked through.
    ///
    /// - Parameter isBehind: Whether there is mail that was not delivered yet: what was looked up before may lie behind it.
    mutating func applied(at now: UInt32, isBehind: Bool) {
        hasNews = false
        if isBehind {
            tokens = tokens.mapValues { _ in now }
            people = people.mapValues { _ in now }
        } else {
            tokens = tokens.filter { $0.value + Self.lifetime > now }
            people = people.filter { $0.value + Self.lifetime > now }
        }
    }

    var isEmpty: Bool { tokens.isEmpty && people.isEmpty }
}
