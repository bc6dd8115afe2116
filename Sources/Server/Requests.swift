import Chat

/// What a connection asked for and has not been answered, so that its answers keep its order: what only looks at the
/// store waits for the changes before it, and everything behind a look waits for its answer.
struct Requests {
    private var changesUnderWay = 0
    private var isLooking = false
    private var waiting: ArraySlice<Chat.Decision> = []

    /// How many may wait or be under way before no more are read.
    private static let limit = 256

    var isFull: Bool { waiting.count + changesUnderWay >= Self.limit }

    /// Takes what a connection asks for next.
    ///
    /// - Parameter mayLook: Whether the client has read most of what it was sent; otherwise a look waits.
    /// - Returns: That, if its turn has come: then it is under way from here on, and nothing was queued.
    mutating func take(_ decision: Chat.Decision, mayLook: Bool = true) -> Chat.Decision? {
        if waiting.isEmpty, begin(decision, mayLook) { return decision }
        waiting.append(decision)
        return nil
    }

    /// Puts something in front of all that waits.
    mutating func prepend(_ decision: Chat.Decision) { waiting.insert(decision, at: waiting.startIndex) }

    /// The next of those that wait, if its turn has come.
    mutating func next(mayLook: Bool = true) -> Chat.Decision? {
        guard let first = waiting.first, begin(first, mayLook) else { return nil }
        // A slice that only shrinks would keep the place of all that it held.
        if waiting.count == 1 { waiting = [] } else { waiting.removeFirst() }
        return first
    }

    /// Whether something can be carried out now; a change and a look are under way from here on.
    private mutating func begin(_ decision: Chat.Decision, _ mayLook: Bool) -> Bool {
        if isLooking { return false }
        switch decision {
        case .store: changesUnderWay += 1
        case .publish: break
        case .look, .type:
            if changesUnderWay > 0 || !mayLook { return false }
            isLooking = true
        case .refuse: if changesUnderWay > 0 { return false }
        }
        return true
    }

    /// The connection is gone: the changes that still wait, in order.
    mutating func takeChanges() -> [Change] {
        defer { waiting = [] }
        return waiting.compactMap { if case .store(let change) = $0 { change } else { nil } }
    }

    mutating func changeEnded() { changesUnderWay -= 1 }
    mutating func lookEnded() { isLooking = false }
}
