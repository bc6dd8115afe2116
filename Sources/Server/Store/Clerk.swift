import Chat
import EventLoop
import Storage
import Synchronization

/// What lives on the writer's thread.
final class Clerk {
    private let store: Store
    private let exchange: Exchange
    private let failure: StoreFailure
    private let bulkWork: SlicedWork
    private let sweepWork: SlicedWork
    private let retention: Retention
    private let meter: StoreMeter
    /// When the changes of the transaction under way were asked for.
    private let askedFor = Beginnings()
    /// How many people are served of a bulk message at once: about 2 ms of work.
    private static let bulkSlice = 100
    /// Whether the transaction under way found no bulk message to work on, and none came behind.
    private var isBulkDone = false
    /// Whether the bus is to be told how far the store has got.
    private var looks = false
    private let attendance: Attendance
    /// Whether somebody has left the counter who could not be told of: the next transaction that succeeds does.
    private var owesCounterUsers = false
    /// How long a connection that broke is waited for.
    private let recovery: Duration
    private var forgottenAt = Timestamp(microseconds: 0)
    private var outage: Outage

    init(
        _ store: Store, _ exchange: Exchange, _ failure: StoreFailure, _ bulkWork: SlicedWork, _ sweepWork: SlicedWork,
        _ meter: StoreMeter, _ elsewhere: Elsewhere?, backlogBytes: Int, retention: Retention, recovery: Duration,
        outage: Outage
    ) {
        self.recovery = recovery
        self.outage = outage
        self.meter = meter
        self.bulkWork = bulkWork
        self.sweepWork = sweepWork
        self.retention = retention
        bulkWork.exists.store((try? store.bulkMessages.isRunning()) ?? true, ordering: .relaxed)
        attendance = Attendance(store, elsewhere, backlogBytes: backlogBytes)
        self.store = store
        self.exchange = exchange
        self.failure = failure
    }

    func handle(_ submissions: [Submission]) {
        do {
            try runPatiently(submissions)
        } catch  where error.isBusy || submissions.count == 1 {
            fail(submissions, error)
        } catch  where error.isOfDisk {
            // None would fare better alone, but those that only read.
            fail(submissions.filter(\.isWriting), error)
            for submission in submissions where !submission.isWriting { handle([submission]) }
        } catch {
            // One change may have spoiled it for the others, so each is tried alone.
            for submission in submissions { handle([submission]) }
        }
    }

    /// Keeps the write-ahead log short, once everybody has been told.
    func careForLog(after submissions: [Submission]) {
        // What failed is tried again once a second.
        let retries = submissions.contains { if case .tidy = $0 { true } else { false } }
        do {
            if try store.checkpointIfDue(retries: retries) { failure.noteCheckpoint(nil) }
            if try store.scrubIfWanted() { failure.noteCheckpoint(nil) }
        } catch {
            failure.noteCheckpoint(error.message)
        }
    }

    /// Runs submissions, again and again while a store on the network is away.
    private func runPatiently(_ submissions: [Submission]) throws(StoreError) {
        while true {
            do {
                try settle()
                try run(submissions)
                return outage.end()
            } catch {
                if !error.isPassing { throw error }
                failure.note(error.message)
                if !outage.mayWait() { throw error }
                Outage.pause()
            }
        }
    }

    /// Finds out what became of changes whose commit was not answered, and has those heard that were stored.
    private func settle() throws(StoreError) {
        guard outage.unsettled != nil else { return }
        if try store.settle(), var mail = outage.unsettled {
            mail.keepEvents()
            exchange.deliver(&mail, committedAt: UInt32(truncatingIfNeeded: System.microsecondsForward))
        }
        outage.unsettled = nil
    }

    /// Runs submissions in one transaction, then tells everybody.
    private func run(_ submissions: [Submission]) throws(StoreError) {
        var mail = exchange.makeBatch(of: submissions.count)
        var callers: [@Sendable () -> Void] = []
        var isWriting = false
        var carriedOut = 0
        isBulkDone = false
        looks = false
        askedFor.forget()
        let rows = store.changedRows
        var doneAt: UInt64 = 0
        do {
            try store.transaction { () throws(StoreError) in
                // Seen in place: none is copied.
                let changes = submissions.span
                while carriedOut < changes.count {
                    try carryOut(changes[carriedOut], &mail, &callers, &isWriting)
                    carriedOut += 1
                }
                try attendance.noteReleased()
                if owesCounterUsers { mail.publishCounterUsers(attendance.counterUsers) }
                if exchange.bus != nil, !mail.isEmpty { mail.announcement = try store.announce() }
                doneAt = System.microsecondsForward
            }
        } catch {
            meter.counts.withLock { $0.errors += 1 }
            for submission in submissions[..<carriedOut] { attendance.undo(submission) }
            _ = attendance.takeArrived()
            if error.isUnsettled { outage.unsettled = mail }
            throw error
        }
        owesCounterUsers = false
        if isWriting { failure.note(nil) }
        if isBulkDone { bulkWork.exists.store(false, ordering: .relaxed) }
        let committedAt = System.microsecondsForward
        exchange.deliver(&mail, committedAt: UInt32(truncatingIfNeeded: committedAt))
        if let bus = exchange.bus {
            for user in attendance.takeArrived() { bus.post(.arrived(user)) }
            for (position, user) in attendance.takePositions() { bus.post(.reached(position, user)) }
            let (number, position) = store.seen
            if looks { bus.post(.saw(number, position)) }
        }
        // What wrote nothing had no disk to wait for.
        if store.changedRows != rows {
            meter.counts.withLock {
                $0.note(submissions.count, committedIn: committedAt - doneAt)
                askedFor.end(at: UInt32(truncatingIfNeeded: committedAt), in: &$0.storeTime)
            }
        }
        for tell in callers { tell() }
    }

    private func carryOut(
        _ submission: Submission, _ mail: inout Exchange.Batch, _ callers: inout [@Sendable () -> Void],
        _ isWriting: inout Bool
    ) throws(StoreError) {
        switch submission {
        case .change(let change, let origin):
            let outcome = try store.apply(change)
            // That nothing was written tells nothing of whether it could be.
            if outcome.isChange { isWriting = true }
            if let event = Event(outcome) { mail.publish(event) }
            if case .counted(let action, let total, _) = outcome {
                mail.noteCounter(from: action.base(of: total), to: total)
            }
            switch origin {
            case .connection(let connection, let ticket):
                if ticket.receivedAt != 0 { askedFor.note(ticket.receivedAt) }
                mail.send(
                    .answer(connection, Chat.answer(to: outcome, isPresent: attendance.isPresent), ticket),
                    to: connection
                )
            case .caller(let tell):
                callers.append { tell(outcome) }
            }
        case .work(let work):
            isWriting = true
            var events: [Event] = []
            callers.append(try work.run(store, &events))
            for event in events { mail.publish(event) }
            try takeRevocations(&mail)
        case .takeSeat(let seat, let connection):
            try take(seat, by: connection, &mail)
        case .returnToSeat(let seat, let connection, let claim):
            if let returned = try claim.make(in: store) {
                mail.send(.cluster(.returned(connection, returned)), to: connection)
            }
            try take(seat, by: connection, &mail)
        case .keep(let recoveries):
            callers.append(try recoveries.save(in: store))
        case .continueBacklog(let delivery, let sent, let rule):
            let backlog = try attendance.continueBacklog(delivery, sent: sent, rule)
            mail.send(.seated(delivery.connection, .chat(backlog)), to: delivery.connection)
        case .leaveSeat(let seat, let connection, let delivery, let isBroken):
            if let delivery { try attendance.note(delivery) }
            attendance.leave(seat, connection, isBroken: isBroken)
            if case .counter = seat { mail.publishCounterUsers(attendance.counterUsers) }
        case .delivered(let deliveries):
            for delivery in deliveries { try attendance.note(delivery) }
        case .sendBulk(let people):
            isWriting = true
            try sendBulk(to: people, &mail)
        case .sweep(let now, let slices):
            let rows = store.changedRows
            try sweep(now, slices, &mail)
            if store.changedRows != rows { isWriting = true }
        case .look:
            looks = true
        case .meet(let users):
            for user in users { attendance.touch(user) }
        case .yield(let users):
            for user in users { attendance.arriveElsewhere(user) }
        case .recount(let users):
            var unread: [UserID: Int] = [:]
            for id in users {
                if let user = try store.user(id) { unread[id] = try store.notifications.unreadCount(of: user) }
            }
            let counter = try store.counter()
            mail.noteCounter(from: counter, to: counter)
            mail.isRecount = true
            mail.tellAll(.cluster(.recounted(unread)))
        case .tidy(let now):
            looks = true
            try tidy(now, &isWriting)
            // Other commands write too.
            try takeRevocations(&mail)
        }
    }

    private func take(_ seat: Seat, by connection: ConnectionID, _ mail: inout Exchange.Batch) throws(StoreError) {
        let seating = try attendance.take(seat, by: connection)
        if store.isShared, case .person = seat {
            mail.send(.cluster(.reached(store.position)), toShard: Int(connection.shard))
        }
        if case .counter(let value) = seating { mail.noteCounter(from: value, to: value) }
        mail.send(.seated(connection, seating), to: connection)
        if case .counter = seat { mail.publishCounterUsers(attendance.counterUsers) }
    }

    // MARK: - In slices, and now and then

    private func sendBulk(to people: Int, _ mail: inout Exchange.Batch) throws(StoreError) {
        let limit = min(people, Self.bulkSlice)
        let sent = try store.sendBulkSlice(limit: limit, at: .now)
        isBulkDone = sent == nil
        for notification in sent ?? [] { mail.publish(.notification(notification)) }
        // What has queued meanwhile comes before the next slice.
        mail.send(.bulkSliceStored(remaining: sent.map { people - max($0.count, 1) } ?? 0), toShard: 0)
    }

    private func takeRevocations(_ mail: inout Exchange.Batch) throws(StoreError) {
        for revocation in try store.takeRevocations() { mail.tell(revocation) }
        for user in store.takeNewlyGone() { mail.tellOfDeletion(user) }
    }

    private func sweep(_ now: Timestamp, _ slices: Int, _ mail: inout Exchange.Batch) throws(StoreError) {
        var hasMore = try store.eraseSlice()
        if !hasMore {
            let slice = try store.retainSlice(retention, at: now)
            hasMore = slice.hasMore
            for (user, count) in slice.unread { mail.publish(.unreadCount(count, of: user)) }
        }
        if !hasMore { sweepWork.exists.store(false, ordering: .relaxed) }
        // While the journal can't be emptied, there is no use in trying again at once.
        mail.send(.swept(remaining: hasMore && !store.wantsScrub ? slices - 1 : 0), toShard: 0)
    }

    private func tidy(_ now: Timestamp, _ isWriting: inout Bool) throws(StoreError) {
        if failure.stopsWriting {
            isWriting = true
            try store.probe()
        }
        attendance.forget(before: now - recovery)
        // Another node may have begun one, and be gone.
        if store.isShared, try store.bulkMessages.isRunning() { bulkWork.exists.store(true, ordering: .relaxed) }
        if store.hasUnfiledMessages {
            isWriting = true
            try store.fileMessages()
        }
        var hasSweepWork = try store.isErasing()
        if !hasSweepWork { hasSweepWork = try store.hasAged(retention, at: now) }
        if hasSweepWork { sweepWork.exists.store(true, ordering: .relaxed) }
        if now - .seconds(3600) > forgottenAt {
            try store.forgetClientIDs(at: now)
            try store.forgetRevocations(before: now - .seconds(86_400))
            try store.accounts.forgetTokens(expiredBefore: now - .seconds(86_400))
            forgottenAt = now
        }
    }

    /// Tells whoever asked that nothing was stored. Who has left has left all the same, and who came will leave.
    private func fail(_ submissions: [Submission], _ error: StoreError) {
        failure.note(error.message)
        for submission in submissions {
            switch submission {
            case .change(_, .connection(let connection, let ticket)):
                exchange.send(.answer(connection, .refused(.storeUnavailable), ticket), to: connection)
            case .change(_, .caller(let tell)):
                tell(.refused(.storeUnavailable))
            case .work(let work):
                work.fail(error)
            case .takeSeat(let seat, let connection), .returnToSeat(let seat, let connection, _):
                attendance.arrive(in: seat)
                exchange.send(.seated(connection, .unavailable), to: connection)
            case .continueBacklog(let delivery, _, _):
                exchange.send(.seated(delivery.connection, .unavailable), to: delivery.connection)
            case .leaveSeat(let seat, let connection, let delivery, let isBroken):
                if let delivery { attendance.confirm(delivery) }
                attendance.leave(seat, connection, isBroken: isBroken)
                if case .counter = seat { owesCounterUsers = true }
            case .keep(let recoveries):
                recoveries.saveFailed()
            case .sendBulk:
                exchange.send(.bulkSliceStored(remaining: 0), toShard: 0)
            case .sweep:
                exchange.send(.swept(remaining: 0), toShard: 0)
            case .delivered, .look, .meet, .yield, .recount, .tidy:
                break
            }
        }
    }
}
