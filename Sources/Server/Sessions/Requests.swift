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
    private var changesUnderWay: Int32 = 0
    /// Whether the first of those that wait found the store's queue full.
    private var isStalled = false

    /// How many may wait or be under way before no more are read.
    private static let limit = 256

    /// Whether something waits for its turn.
    var isWaiting: Bool { !waiting.isEmpty }

    /// Whether all has been answered.
    var isEmpty: Bool { waiting.isEmpty && changesUnderWay == 0 && look == nil }

    var isFull: Bool { isStalled || waiting.count + Int(changesUnderWay) >= Self.limit }

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
    mutating func prepend(_ request: Decided) { waiting.insert(request, at: waiting.startIndex) }

    /// The next of those that wait, if its turn has come.
    mutating func next(mayLook: @autoclosure () -> Bool = true) -> Decided? {
        guard let first = waiting.first, begin(first, mayLook) else { return nil }
        if waiting.count == 1 { waiting = [] } else { waiting.removeFirst() }
        return first
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
        waiting = waiting.map {
            if case .store = $0.decision { Decided(.refuse(.storeBusy), $0.ticket) } else { $0 }
        }
    }

    /// The connection is gone: the changes that still wait, in order.
    mutating func takeChanges() -> [Change] {
        defer { waiting = [] }
        return waiting.compactMap { if case .store(let change) = $0.decision { change } else { nil } }
    }

    mutating func changeEnded() { changesUnderWay -= 1 }

    /// - Returns: What the look goes by.
    @discardableResult
    mutating func lookEnded() -> Ticket { look.take() ?? Ticket() }
}
