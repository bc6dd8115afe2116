import Chat

/// The place of an event among all that the server's loops hear of: the same on each of them.
struct EventNumber: Comparable {
    let rawValue: UInt64

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    var next: EventNumber { EventNumber(rawValue: rawValue + 1) }

    /// What a client names as the last that it heard: the event, or of one that is heard as two the first.
    func offset(for role: Role) -> String {
        switch role {
        case .joined: "\(rawValue).1"
        case .author, .other: "\(rawValue)"
        }
    }
}

/// How far a client had heard when its connection broke.
struct EventOffset {
    let number: EventNumber
    /// Whether it heard the event only as one who has joined the conversation.
    let isPartial: Bool

    /// Reads what ``EventNumber/offset(for:)`` wrote.
    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard let number = UInt64(parts[0]), parts.count == 1 || parts.count == 2 && parts[1] == "1" else { return nil }
        self.number = EventNumber(rawValue: number)
        isPartial = parts.count == 2
    }

    init(after number: EventNumber) {
        self.number = number
        isPartial = false
    }
}

/// The latest events, for clients that come back after a break. Kept while there are such clients only.
struct EventLog {
    private struct Entry {
        let number: EventNumber
        let event: Event
        let tick: UInt32
        let bytes: Int
    }

    private var entries: ArraySlice<Entry> = []
    private var bytes = 0
    /// All that came after this one is here.
    private var start: EventNumber?

    /// - Parameters:
    ///   - limit: Bytes that may be kept; what is older goes.
    ///   - tick: When it was heard, on the loop's wheel.
    mutating func append(_ event: Event, _ number: EventNumber, limit: Int, at tick: UInt32) {
        if start == nil { start = EventNumber(rawValue: number.rawValue - 1) }
        guard let bytes = event.recoverableBytes else { return }
        entries.append(Entry(number: number, event: event, tick: tick, bytes: bytes))
        self.bytes += bytes
        while self.bytes > limit { removeFirst() }
    }

    mutating func forget(upTo tick: UInt32) {
        while let first = entries.first, first.tick <= tick { removeFirst() }
    }

    private mutating func removeFirst() {
        let entry = entries.removeFirst()
        bytes -= entry.bytes
        start = entry.number
        // A slice that only shrinks would keep the place of all that it held.
        if entries.isEmpty { entries = [] }
    }

    /// Everything from an event on; `nil` where some of that is gone.
    func events(from number: EventNumber) -> [(event: Event, number: EventNumber)]? {
        guard let start, start < number else { return nil }
        return entries.drop { $0.number < number }.map { ($0.event, $0.number) }
    }
}

extension Event {
    /// What it costs to keep, about; `nil` for what nobody who comes back hears.
    fileprivate var recoverableBytes: Int? {
        let overhead = 256
        return switch self {
        case .message(let message, let recipients):
            overhead + message.text.utf8.count + (message.attachment?.url.utf8.count ?? 0) + recipients.count * 8
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
