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
            if let mail = heard.take() { deliverNow(mail) }
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
                    for event in events where !isRest || !event.isToldOtherwise {
                        if heard == nil { heard = services.exchange.makeBatch(of: events.count) }
                        if case .counter(let action, let total, _) = event {
                            catchUpCounter(to: action.base(of: total)) { heard?.publish($0) }
                            counter = total
                        }
                        heard?.publish(event)
                    }
                }
            case .fill(let start, let end):
                flush()
                fill(after: start, upTo: end)
            case .look:
                services.writer.submitAnyway(.look)
            case .wait:
                flush()
                return counts.values.withLock { $0.lag = sequencer.lag }
            }
        }
    }

    func deliver(_ committed: Committed, isRest: Bool) {
        var mail = committed.mail
        if isRest {
            mail.removeEvents { $0.isToldOtherwise }
        } else if let (before, after) = mail.counter {
            // The first that is heard of it.
            if counter == nil { counter = before }
            catchUpCounter(to: before) { event in
                var missed = services.exchange.makeBatch(of: 1)
                missed.publish(event)
                services.exchange.deliverHere(&missed, committedAt: committed.moment)
            }
            counter = after
        }
        if let here = mail.counterUsers {
            mail.addCounterUsers(peers.counterUsers)
            counterUsers = (here, told: here + peers.counterUsers)
        }
        if mail.isRecount { repairs.done() }
        services.exchange.deliverHere(&mail, committedAt: committed.moment)
    }

    /// What is delivered because it did not come when it was committed.
    private func deliverNow(_ mail: consuming Exchange.Batch) {
        services.exchange.deliverHere(&mail, committedAt: UInt32(truncatingIfNeeded: System.microsecondsForward))
    }

    /// Clients of the counter add up what they hear, so what was not heard is told as one change.
    ///
    /// - Parameter base: What it must be now; `nil` where nobody knows.
    private func catchUpCounter(to base: Int64?, _ publish: (Event) -> Void) {
        guard let base, let known = counter, known != base else { return }
        publish(.counter(CounterAction(from: known, to: base), total: base, at: .now))
        counter = base
    }

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
        for message in missed.messages where interests.include(message) {
            mail.publish(.message(message))
            count += 1
        }
        for notification in missed.notifications where interests.include(notification) {
            mail.publish(.notification(notification))
            count += 1
        }
        switch sequencer.filled(upTo: missed.position, isComplete: missed.isComplete) {
        case .none: break
        case .part: repairs.afterPart()
        case .batches: repairs.afterGap()
        }
        counts.values.withLock { $0.filled += count }
        deliverNow(mail)
    }

    /// Puts right what the store does not tell one by one, a little at a time: in the writer's batches, so that what it
    /// finds holds where it is heard.
    func repair() {
        let now = loop.now
        if repairs.begins(at: now) {
            repairs.add(interests.usersWithNotices)
            var mail = services.exchange.makeBatch(of: 0)
            mail.tellAll(.cluster(.membershipsMissed))
            deliverNow(mail)
        }
        if let users = repairs.next(at: now) { services.writer.submitAnyway(.recount(users)) }
    }
}

extension Event {
    /// Whether whoever missed it is told in another way: from the store, or by what is counted anew.
    fileprivate var isToldOtherwise: Bool {
        switch self {
        case .message, .notification, .unreadCount, .counter: true
        case .relayed, .read, .typing, .removed, .room, .counterUsers: false
        }
    }
}
