package import Chat

/// Puts the batches of all nodes into the order of their numbers, and says what has to be read from the store because it
/// did not come. Pure; the clock is passed in.
///
/// `Mail` is what a batch of this node's own holds: it is delivered in its place, whatever is missing before it, since
/// those who took their seats in it hear all that comes after.
package struct Sequencer<Mail> {
    package enum Content {
        case own(Mail)
        /// - Parameter isComplete: Whether the node knew of all interests here.
        case others([Event], isComplete: Bool)
    }

    package struct Item {
        package let number: Int64
        package let before, after: StorePosition
        package let content: Content

        package init(_ number: Int64, before: StorePosition, after: StorePosition, _ content: Content) {
            self.number = number
            self.before = before
            self.after = after
            self.content = content
        }

        fileprivate var isOwn: Bool { if case .own = content { true } else { false } }
    }

    package enum Step {
        case deliver(Item)
        /// Messages and notifications up to here were delivered already.
        case deliverRest(Item)
        /// To be read from the store, then given to ``filled(_:isComplete:)``.
        case fill(after: StorePosition, upTo: StorePosition)
        /// The writer is to say with ``saw(_:_:)`` how far the store is: all of its own batches have come then.
        case look
        case wait
    }

    /// The last batch that was delivered, and what had been stored then.
    package private(set) var number: Int64
    package private(set) var position: StorePosition
    /// By their numbers.
    private var items: ArraySlice<Item> = []
    /// The newest batch that anybody has heard of.
    package private(set) var newest: Int64
    /// Up to here, all of this node's own have come.
    private var ownUpTo: Int64
    /// What the writer has seen last.
    private var seen: (number: Int64, position: StorePosition)?
    /// What is read from the store, in parts: until all of it is here, nothing else is delivered.
    private var target: Target?
    private var isReading = false
    /// When it was noticed that something is missing, when the writer was asked last, and when the store may be read again.
    private var missingSince: UInt64?
    private var askedAt: UInt64?
    private var readAgainAt: UInt64 = 0

    private struct Target {
        /// The batch up to which that is everything.
        let number: Int64
        let end: StorePosition
        /// Whether batches are missing, and not only what was left out of one.
        let isGap: Bool
    }

    /// Milliseconds before a store is tried again, or the writer asked again.
    private static var pause: UInt64 { 200 }

    /// Batches of others that may wait; what is beyond comes from the store.
    package static var limit: Int { 10_000 }

    package init(after number: Int64, at position: StorePosition) {
        self.number = number
        self.position = position
        newest = number
        ownUpTo = number
    }

    package var waiting: Int { items.count }
    /// How many batches are known to be missing or to wait.
    package var lag: Int64 { newest - number }

    // MARK: - What comes

    package mutating func add(_ item: Item) {
        newest = max(newest, item.number)
        if item.isOwn {
            ownUpTo = max(ownUpTo, item.number)
        } else if items.count >= Self.limit {
            return
        }
        let place = items.lastIndex { $0.number < item.number }.map { $0 + 1 } ?? items.startIndex
        // It came twice.
        if !item.isOwn, place < items.endIndex, items[place].number == item.number { return }
        items.insert(item, at: place)
    }

    /// Somebody has heard of a batch.
    package mutating func heard(of number: Int64) { newest = max(newest, number) }

    /// The writer has seen, behind all that it has stored itself, how far the store is.
    package mutating func saw(_ number: Int64, _ position: StorePosition) {
        newest = max(newest, number)
        ownUpTo = max(ownUpTo, number)
        seen = (number, position)
    }

    // MARK: - What is next

    /// - Parameters:
    ///   - now: Milliseconds.
    ///   - patience: How long what is missing may still come by itself.
    package mutating func next(at now: UInt64, patience: UInt64) -> Step {
        if let target { return read(target, at: now) }
        guard newest > number || !items.isEmpty else {
            missingSince = nil
            return .wait
        }
        if let first = items.first {
            if first.number <= number {
                items.removeFirst()
                return .deliverRest(first)
            }
            if first.number == number + 1 {
                missingSince = nil
                if case .others(_, isComplete: false) = first.content {
                    return read(Target(number: first.number, end: first.after, isGap: false), at: now)
                }
                items.removeFirst()
                (number, position) = (first.number, first.after)
                return .deliver(first)
            }
        }
        let since = missingSince ?? now
        missingSince = since
        if now - since < patience { return .wait }
        if let first = items.first, first.isOwn || ownUpTo >= first.number - 1 {
            return read(Target(number: first.number - 1, end: first.before, isGap: true), at: now)
        }
        if let seen, seen.number > number, items.first.map({ $0.number > seen.number }) ?? true {
            return read(Target(number: seen.number, end: seen.position, isGap: true), at: now)
        }
        if let askedAt, now - askedAt < Self.pause { return .wait }
        askedAt = now
        return .look
    }

    private mutating func read(_ target: Target, at now: UInt64) -> Step {
        self.target = target
        if isReading || now < readAgainAt { return .wait }
        isReading = true
        return .fill(after: position, upTo: target.end)
    }

    /// What was asked for was read and delivered.
    ///
    /// - Parameters:
    ///   - position: Up to where.
    ///   - isComplete: Whether that is all.
    /// - Returns: What may be missing besides, which the store can't tell.
    package mutating func filled(upTo position: StorePosition, isComplete: Bool) -> Loss {
        guard let target else { return .none }
        self.position = position
        isReading = false
        if !isComplete { return .none }
        self.target = nil
        missingSince = nil
        number = target.number
        return target.isGap ? .batches : .part
    }

    /// What was not heard, but for messages and notifications.
    package enum Loss: Sendable {
        case none
        /// What is for those of whom another node did not know.
        case part
        case batches
    }

    /// The store could not be read.
    package mutating func fillFailed(at now: UInt64) {
        isReading = false
        readAgainAt = now + Self.pause
    }
}
