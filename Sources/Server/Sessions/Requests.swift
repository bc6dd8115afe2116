import Chat

/// What the answer to a request goes by.
struct Ticket: Sendable {
    /// The number of the acknowledgement that the client asked for, where its transport has such.
    var acknowledgement: UInt64?
    /// Whether a message was to be sent.
    var isMessage = false
    /// When a change was asked for, by ``Beginnings``' clock; 0 where that is not known.
    var receivedAt: UInt32 = 0
}

/// What a connection asked for and has not been answered, so that its answers keep its order: what only looks at the
/// store waits for the changes before it, and everything behind a look waits for its answer.
struct Requests {
    /// What was decided on a request.
    struct Decided {
        let decision: Chat.Decision
        let ticket: Ticket

        init(_ decision: Chat.Decision, _ ticket: Ticket = Ticket()) {
            self.decision = decision
            self.ticket = ticket
        }
    }

    private var waiting: [Decided] = []
    private var look: Ticket?
    /// What lies before this index is under way already.
    private var first: UInt32 = 0
    /// Small, as there is one of these for each client: what one read or one payload asks for is fewer by far.
    private var changesUnderWay: UInt16 = 0
    /// Whether the first of those that wait found the store's queue full.
    private var isStalled = false

    /// How many may wait or be under way before no more are read.
    private static let limit = 256

    /// Whether something waits for its turn.
    var isWaiting: Bool { !waiting.isEmpty }

    private var waitingCount: Int { waiting.count - Int(first) }

    /// Whether all has been answered.
    var isEmpty: Bool { waiting.isEmpty && changesUnderWay == 0 && look == nil }

    var isFull: Bool { isStalled || waitingCount + Int(changesUnderWay) >= Self.limit }

    /// Takes what a connection asks for next.
    ///
    /// - Parameter mayLook: Whether the client has read most of what it was sent; otherwise a look waits.
    /// - Returns: Whether its turn has come: then it is under way from here on, and the caller's to carry out.
    mutating func take(_ request: Decided, mayLook: @autoclosure () -> Bool = true) -> Bool {
        if waiting.isEmpty, begin(request, mayLook) { return true }
        waiting.append(request)
        return false
    }

    /// Puts something in front of all that waits.
    mutating func prepend(_ request: Decided) {
        if first > 0 {
            first -= 1
            waiting[Int(first)] = request
        } else {
            waiting.insert(request, at: 0)
        }
    }

    /// The next of those that wait, if its turn has come.
    mutating func next(mayLook: @autoclosure () -> Bool = true) -> Decided? {
        guard isWaiting else { return nil }
        let request = waiting[Int(first)]
        guard begin(request, mayLook) else { return nil }
        first += 1
        if waitingCount == 0 {
            (waiting, first) = ([], 0)
        } else if first >= 64, first >= waiting.count / 2 {
            // Moving only when at least half is under way keeps the cost linear.
            waiting.removeSubrange(..<Int(first))
            first = 0
        }
        return request
    }

    /// Whether something can be carried out now; a change and a look are under way from here on.
    private mutating func begin(_ request: Decided, _ mayLook: () -> Bool) -> Bool {
        if look != nil || isStalled { return false }
        switch request.decision {
        case .store: changesUnderWay += 1
        case .publish: break
        case .look, .type:
            if changesUnderWay > 0 || !mayLook() { return false }
            look = request.ticket
        case .leave, .refuse: if changesUnderWay > 0 { return false }
        }
        return true
    }

    /// There was no room for a change: it goes on to wait, and everything behind it.
    mutating func stall(_ change: Decided) {
        changesUnderWay -= 1
        prepend(change)
        isStalled = true
    }

    /// There is room again.
    mutating func resume() { isStalled = false }

    /// There was none for too long: all changes that wait are refused, each in its place.
    mutating func giveUp() {
        isStalled = false
        for index in Int(first)..<waiting.count {
            if case .store = waiting[index].decision {
                waiting[index] = Decided(.refuse(.storeBusy), waiting[index].ticket)
            }
        }
    }

    /// The connection is gone: the changes that still wait, in order.
    mutating func takeChanges() -> [Change] {
        defer { (waiting, first) = ([], 0) }
        return waiting[Int(first)...].compactMap { if case .store(let change) = $0.decision { change } else { nil } }
    }

    mutating func changeEnded() { changesUnderWay -= 1 }

    /// - Returns: What the look goes by.
    @discardableResult
    mutating func lookEnded() -> Ticket { look.take() ?? Ticket() }
}
