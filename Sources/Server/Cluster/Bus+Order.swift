import Chat
import Cluster
import EventLoop
import Storage
import Synchronization

// What is delivered, in the order of the database, and what is read from the store because it did not come.

extension Bus {
    /// Delivers what has its turn.
    func deliver() {
        var heard: Exchange.Batch?
        func flush() {
            guard var mail = heard.take() else { return }
            services.exchange.deliverHere(&mail, committedAt: UInt32(truncatingIfNeeded: System.microsecondsForward))
        }
        while true {
            let step = sequencer.next(at: loop.now, patience: isLost ? 0 : Self.patience)
            switch step {
            case .deliver(let item), .deliverRest(let item):
                let isRest = if case .deliverRest = step { true } else { false }
                switch item.content {
                case .own(let committed):
                    flush()
                    deliver(committed, isRest: isRest)
                case .others(let events, _):
                    for event in events where !isRest || !event.isStoredAlone {
                        note(event)
                        if heard == nil { heard = services.exchange.makeBatch(of: events.count) }
                        heard?.publish(event)
                    }
                }
                if !recounts.isEmpty {
                    flush()
                    recount()
                }
            case .fill(let start, let end):
                flush()
                fill(after: start, upTo: end)
            case .look:
                lookedAt = loop.now
                services.writer.submitAnyway(.look)
            case .wait:
                flush()
                return counts.values.withLock { $0.lag = sequencer.lag }
            }
        }
    }

    func deliver(_ committed: Committed, isRest: Bool) {
        var mail = committed.mail
        let users = counterUsers
        if isRest || committed.isOfCounter {
            mail.replaceEvents { event in
                if isRest, event.isStoredAlone { return nil }
                note(event)
                if case .counterUsers = event {
                    toldCounterUsers = users
                    return .counterUsers(users)
                }
                return event
            }
        }
        services.exchange.deliverHere(&mail, committedAt: committed.moment)
    }

    func note(_ event: Event) { if case .counter(_, let total, _) = event { counter = total } }

    // MARK: - What is missing

    func fill(after start: StorePosition, upTo end: StorePosition) {
        counts.values.withLock { $0.fills += 1 }
        let inbox = inbox
        let isQueued = services.archive.submit { store in
            do throws(StoreError) {
                inbox.post(.missed(.success(try store.missed(after: start, upTo: end, limit: Self.slice))))
            } catch {
                inbox.post(.missed(.failure(error)))
            }
        }
        if !isQueued { sequencer.fillFailed(at: loop.now) }
    }

    func missed(_ result: Result<Missed, StoreError>) {
        guard case .success(let missed) = result else { return sequencer.fillFailed(at: loop.now) }
        var mail = services.exchange.makeBatch(of: missed.messages.count)
        var count: UInt64 = 0
        for (message, recipients) in missed.messages where interests.include(message, for: recipients) {
            mail.publish(.message(message, for: recipients))
            count += 1
        }
        for notification in missed.notifications where interests.include(notification) {
            mail.publish(.notification(notification))
            count += 1
        }
        let isGap = sequencer.filled(upTo: missed.position, isComplete: missed.isComplete)
        if isGap {
            if let counter, counter != missed.counter {
                mail.publish(
                    .counter(CounterAction(from: counter, to: missed.counter), total: missed.counter, at: .now))
            }
            counter = missed.counter
            mail.tellAll(.cluster(.membershipsMissed))
            askForCounts(interests.users.map(\.self))
        }
        counts.values.withLock { $0.filled += count }
        services.exchange.deliverHere(&mail, committedAt: UInt32(truncatingIfNeeded: System.microsecondsForward))
    }

    /// Finds out how many notifications people have not read: that others have read some may have been missed.
    func askForCounts(_ users: [UserID]) {
        let (inbox, size) = (inbox, 500)
        for start in stride(from: 0, to: users.count, by: size) {
            let slice = users[start..<min(start + size, users.count)]
            _ = services.archive.submit { store in
                guard let (unread, batch) = try? store.unreadCounts(of: slice) else { return }
                inbox.post(.recounted(unread, after: batch))
            }
        }
    }

    /// Tells the counts that were asked for, as soon as all that they include was heard.
    func recount() {
        recounts.removeAll { unread, batch in
            if batch > sequencer.number { return false }
            if batch < sequencer.number {
                // They are out of date.
                askForCounts(Array(unread.keys))
                return true
            }
            var mail = services.exchange.makeBatch(of: 0)
            mail.tellAll(.cluster(.recounted(unread)))
            services.exchange.deliverHere(&mail, committedAt: UInt32(truncatingIfNeeded: System.microsecondsForward))
            return true
        }
    }
}

extension Event {
    var isOfCounter: Bool {
        switch self {
        case .counter, .counterUsers: true
        case .message, .relayed, .read, .typing, .notification, .unreadCount, .removed, .room: false
        }
    }

    /// Whether the store tells of it by itself, to whoever missed it.
    fileprivate var isStoredAlone: Bool {
        switch self {
        case .message, .notification: true
        case .relayed, .read, .typing, .unreadCount, .removed, .room, .counter, .counterUsers: false
        }
    }
}

extension CounterAction {
    /// What has led from one value to another.
    fileprivate init(from before: Int64, to value: Int64) {
        if value == 0 {
            self = .reset
        } else if value > before {
            self = .increment(value &- before)
        } else {
            self = .decrement(before &- value)
        }
    }
}
