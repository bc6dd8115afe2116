import Chat

/// The place of an event among all that the server's loops hear of: the same on each of them.
struct EventNumber: Comparable {
    let rawValue: UInt64

    /// Before the first.
    static let none = EventNumber(rawValue: 0)

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    var next: EventNumber { EventNumber(rawValue: rawValue + 1) }
}

/// The latest events, for clients that come back after a break. Kept while there are such clients only.
struct EventLog {
    private struct Entry {
        let offset: EventOffset
        let event: Event
        let tick: UInt32
        let bytes: Int
    }

    private var entries: [Entry] = []
    /// What lies before this index is forgotten.
    private var first = 0
    private var bytes = 0
    /// Who is no longer in which conversation, and since when.
    private var removals: [(user: UserID, conversation: ConversationID, number: EventNumber, tick: UInt32)] = []
    /// All that came after this one is here.
    private var start: EventNumber?

    /// - Parameters:
    ///   - limit: Bytes that may be kept; what is older goes.
    ///   - tick: When it was heard, on the loop's wheel.
    mutating func append(_ event: Event, _ offset: EventOffset, limit: Int, at tick: UInt32) {
        let number = offset.number
        if start == nil { start = EventNumber(rawValue: number.rawValue - 1) }
        guard let bytes = event.recoverableBytes else { return }
        entries.append(Entry(offset: offset, event: event, tick: tick, bytes: bytes))
        if case .removed(let user, let conversation) = event { removals.append((user, conversation, number, tick)) }
        self.bytes += bytes
        forget { _, bytes in bytes > limit }
    }

    mutating func forget(upTo tick: UInt32) {
        removals.removeAll { $0.tick <= tick }
        forget { entry, _ in entry.tick <= tick }
    }

    /// Forgets all events; who comes back behind one of them is not recovered.
    mutating func forgetEvents() { forget { _, _ in true } }

    /// Forgets the oldest as long as that is wanted.
    private mutating func forget(while isUnwanted: (Entry, _ bytes: Int) -> Bool) {
        while first < entries.count, isUnwanted(entries[first], bytes) {
            bytes -= entries[first].bytes
            start = entries[first].offset.number
            first += 1
        }
        // Moving only when at least half is forgotten keeps the cost linear.
        if first > 0, first >= entries.count / 2 {
            entries.removeSubrange(..<first)
            first = 0
        }
    }

    /// Whether somebody was removed from a conversation after an event, and lately.
    func isRemoved(_ user: UserID, from conversation: ConversationID, since number: EventNumber) -> Bool {
        removals.contains { $0.user == user && $0.conversation == conversation && $0.number > number }
    }

    /// Everything from an event on; `nil` where some of that is gone.
    func events(from number: EventNumber) -> [(event: Event, offset: EventOffset)]? {
        guard let start, start < number else { return nil }
        return entries[first...].drop { $0.offset.number < number }.map { ($0.event, $0.offset) }
    }
}

extension Event {
    /// What it costs to keep, about; `nil` for what nobody who comes back hears.
    fileprivate var recoverableBytes: Int? {
        let overhead = 256
        return switch self {
        case .message(let message):
            overhead + message.text.utf8.count + (message.attachment?.url.utf8.count ?? 0)
                + message.recipients.count * 8
        case .relayed(let message, _, _): overhead + message.text.utf8.count
        case .read(let receipt): overhead + (receipt.authors.count + receipt.others.count) * 8
        case .typing(let sign): overhead + sign.readers.count * 8
        case .notification(let notification):
            overhead + notification.content.title.utf8.count + notification.content.message.utf8.count
                + notification.content.data.count
        case .removed: overhead
        case .unreadCount, .room, .counter, .counterUsers: nil
        }
    }
}
