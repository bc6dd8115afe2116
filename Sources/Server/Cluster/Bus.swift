import Chat
import Cluster
import EventLoop
import Redis
import Storage
import Synchronization

/// What connects this node to the others of its cluster, on a loop of its own: it tells them what is committed here and
/// whom it has seats for, and delivers what is committed anywhere in the order in which the database numbers it. Redis
/// carries nothing that is not in the store, or told again by itself.
actor Bus {
    nonisolated let loop: EventLoop
    nonisolated let counts = BusCounts()
    private let inbox: Mailbox<BusMail>
    private let nodes: Nodes
    private let elsewhere: Elsewhere
    private let services: Services
    private let address: SocketAddress
    private let settings: Configuration
    private let log: Log
    /// How long clients may stay away and be told what they missed, in milliseconds.
    private let recovery: UInt64

    private var link: BusLink?
    private var sequencer: Sequencer<Committed>
    private var peers = Peers()
    private var interests = Interests()
    /// How many changes of them the others were told, and with how many of these they had been told of all that was new.
    private var interestsTold: Int64 = 0, newestInterest: Int64 = 0
    private var mail: [BusMail] = []
    /// What waits for the end of the turn.
    private var unpublished = Unpublished()
    private var spenders: [Usage] = []
    private var recounts: [(unread: [UserID: Int], after: Int64)] = []
    private var counter: Int64?
    private var clock: RepeatingTimer?
    private var beatAt: UInt64 = 0, spentAt: UInt64 = 0, lookedAt: UInt64 = 0
    private var saidDrop: [BusCounts.Drop: Seldom] = [:]

    /// What this node has committed.
    struct Committed: Sendable {
        let mail: Exchange.Batch
        let moment: UInt32
    }

    private struct Unpublished {
        var batches: [BusMessage.Batch] = []
        var passing: [Event] = []
    }

    struct Services: Sendable {
        let exchange: Exchange
        let writer: Writer
        let archive: Readers
        let people: People
    }

    /// Milliseconds between two heartbeats.
    private static let beat: UInt64 = 500
    /// After so many milliseconds of silence a node is taken for gone, and this one for cut off.
    static let lease: UInt64 = 3000
    /// How long what is missing may still come by itself.
    private static let patience: UInt64 = 200
    /// Messages, and notifications, that are read from the store at once.
    private static let slice = 1000

    /// - Parameters:
    ///   - address: Where this node takes what is forwarded to it.
    ///   - seen: The newest batch in the store, and how far the store had got then.
    init(
        _ settings: Configuration, on loop: EventLoop, inbox: Mailbox<BusMail>, nodes: Nodes, elsewhere: Elsewhere,
        _ services: Services, address: SocketAddress, after seen: (batch: Int64, position: StorePosition), log: Log
    ) {
        self.loop = loop
        self.inbox = inbox
        self.nodes = nodes
        self.elsewhere = elsewhere
        self.services = services
        self.settings = settings
        self.address = address
        self.log = log
        recovery = UInt64(settings.recovery.milliseconds)
        sequencer = Sequencer(after: seen.batch, at: seen.position)
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Connects, and finds out whether all that is needed is allowed, and no other cluster is there.
    ///
    /// - Parameter key: The cluster's secret.
    /// - Throws: In one line why that is impossible.
    func start(_ url: RedisURL, key: [UInt8]) async throws(Server.StartError) {
        // The loop keeps this until it is stopped.
        loop.onEndOfTurn { [self] in assumeIsolated { $0.readMail() } }
        let link = BusLink(
            url, prefix: settings.busPrefix, own: nodes.own, key: key, on: loop, counts: counts,
            received: { [self] message, isOwnChannel in assumeIsolated { $0.received(message, isOwnChannel) } },
            dropped: { [self] drop in assumeIsolated { $0.dropped(drop) } },
            changed: { [self] problem in assumeIsolated { $0.linkChanged(problem) } })
        self.link = link
        if let reason = await withCheckedContinuation({ done in link.start { done.resume(returning: $0) } }) {
            throw Server.StartError(description: "cannot use the bus on \(reason)")
        }
        clock = RepeatingTimer(every: 50, on: loop) { [self] in assumeIsolated { $0.tick() } }
        heartbeat()
    }

    /// Publishes what is left, and tells the others that this node stops.
    func stop() async {
        _ = readMail()
        clock?.close()
        clock = nil
        guard let link else { return }
        link.publish(.farewell, to: nil)
        await withCheckedContinuation { done in link.stop { done.resume() } }
        self.link = nil
    }

    // MARK: - What this node tells

    private func readMail() -> Bool {
        inbox.drain(into: &mail)
        if mail.isEmpty { return false }
        var batch: [BusMail] = []
        swap(&batch, &mail)
        for piece in batch { take(piece) }
        batch.removeAll(keepingCapacity: batch.capacity < 4096)
        swap(&batch, &mail)
        tellInterests()
        publish()
        deliver()
        return true
    }

    private func take(_ piece: BusMail) {
        switch piece {
        case .sits(let seat): interests.sits(on: seat)
        case .leaves(let seat, let mayReturn):
            interests.leaves(seat, mayReturnUntil: mayReturn && recovery > 0 ? loop.now + recovery : nil)
        case .committed(let announcement, let mail, let moment):
            unpublished.batches.append(
                BusMessage.Batch(
                    number: announcement.number, before: announcement.before, after: announcement.after,
                    events: mail.events.filter(\.crosses)))
            sequencer.add(
                .init(
                    announcement.number, before: announcement.before, after: announcement.after,
                    .own(Committed(mail: mail, moment: moment))))
        case .saw(let number, let position): sequencer.saw(number, position)
        case .passing(let event): if event.crosses { unpublished.passing.append(event) }
        case .spends(let usage): spenders.append(usage)
        case .missed(let result): missed(result)
        case .recounted(let unread, let number): recounts.append((unread, number))
        }
    }

    /// Before all that is published after it.
    private func tellInterests() {
        let (changes, isWider) = interests.takeChanges()
        if changes.isEmpty { return }
        interestsTold += Int64(changes.count)
        if isWider { newestInterest = interestsTold }
        if !peers.isEmpty { link?.publish(.interests(changes, interests: interestsTold), to: nil) }
        tellCounterUsers()
    }

    private func publish() {
        guard let link, !peers.isEmpty else { return unpublished = Unpublished() }
        if !unpublished.batches.isEmpty {
            let told = peers.told
            for (batches, peer) in peers.parts(of: unpublished.batches) {
                link.publish(.batches(batches, known: told), to: peer)
            }
        }
        if !unpublished.passing.isEmpty {
            for (events, peer) in peers.parts(of: unpublished.passing) { link.publish(.passing(events), to: peer) }
        }
        unpublished = Unpublished()
    }

    private func heartbeat() {
        beatAt = loop.now + Self.beat
        link?.publish(
            .heartbeat(
                BusMessage.Heartbeat(
                    address: address.description, batch: sequencer.newest, interests: interestsTold, known: peers.known)
            ), to: nil)
    }

    /// All interests, to a node that does not know them.
    private func sendState(to peer: NodeID) {
        let all = interests.all
        let size = 5000
        for start in stride(from: 0, to: all.count, by: size) {
            let end = min(start + size, all.count)
            link?.publish(
                .state(
                    Array(all[start..<end]), isFirst: start == 0, isLast: end == all.count, interests: interestsTold),
                to: peer)
        }
    }

    // MARK: - What others tell

    private func received(_ message: BusMessage, _ isOwnChannel: Bool) {
        // What was posted here before counts before.
        _ = readMail()
        let now = loop.now
        if peers[message.from] == nil {
            peers.add(message.from, at: now)
            log.info("a node has joined the cluster", ["node": message.from.text])
            // It is to learn of this one, and to tell all.
            beatAt = 0
        }
        switch peers[message.from]?.place(of: message.number, onOwnChannel: isOwnChannel) {
        case .old: return dropped(.repeated)
        // It is to tell all again.
        case .behindGap: beatAt = 0
        case .next, nil: break
        }
        peers[message.from]?.heardAt = now
        switch message.content {
        case .heartbeat(let heartbeat): take(heartbeat, from: message.from)
        case .state(let state, let isFirst, let isLast, let number):
            let before = peers[message.from]?.people ?? [:]
            peers[message.from]?.take(state, isFirst: isFirst, isLast: isLast, interests: number)
            if isFirst { noteElsewhere(before.keys) }
            noteElsewhere(of: state)
        case .interests(let changes, let number):
            if peers[message.from]?.take(changes, interests: number) == true { noteElsewhere(of: changes) }
        case .batches(let batches, let known):
            counts.values.withLock { $0.batches += UInt64(batches.count) }
            // Who does not know of this node has left out what is for it.
            let isComplete = known[nodes.own].map { $0 >= newestInterest } ?? false
            for batch in batches {
                sequencer.add(
                    .init(
                        batch.number, before: batch.before, after: batch.after,
                        .others(batch.events, isComplete: isComplete)))
            }
            deliver()
        case .passing(let events):
            for event in events where !services.exchange.offerHere(event) { dropped(.behind) }
        case .spent(let spendings):
            let moment = Int64(System.milliseconds) * 1000
            for spending in spendings {
                services.people.spend(spending.messages, settings.messageRate, of: spending.user, at: moment)
            }
        case .farewell: remove(message.from, because: "it has stopped")
        case .unknown: break
        }
    }

    private func take(_ heartbeat: BusMessage.Heartbeat, from node: NodeID) {
        guard var peer = peers[node] else { return }
        if peer.address != heartbeat.address {
            peer.address = heartbeat.address
            nodes.set(SocketAddress(heartbeat.address), of: node)
        }
        peer.known = heartbeat.known[nodes.own]
        if let interests = peer.interests, interests != heartbeat.interests { peer.forgetInterests() }
        if peer.known == nil, peer.stateSentAt.map({ loop.now - $0 >= Self.beat }) ?? true {
            peer.stateSentAt = loop.now
            sendState(to: node)
        }
        peers[node] = peer
        sequencer.heard(of: heartbeat.batch)
        deliver()
    }

    private func remove(_ node: NodeID, because reason: String) {
        guard let peer = peers.remove(node) else { return }
        nodes.set(nil, of: node)
        link?.forget(node)
        noteElsewhere(peer.people.keys)
        if peer.counterUsers > 0 { tellCounterUsers() }
        log.info("a node has left the cluster", ["node": node.text, "reason": reason])
    }

    private func noteElsewhere(of interests: [BusMessage.Interest]) {
        var isCounter = false
        for interest in interests {
            switch interest {
            case .person(let user, _, _): elsewhere.set(Elsewhere.Count(peers.connections(of: user)), of: user)
            case .counter: isCounter = true
            case .college, .everybody, .room: break
            }
        }
        if isCounter { tellCounterUsers() }
    }

    private func noteElsewhere(_ users: some Sequence<UserID>) {
        for user in users { elsewhere.set(Elsewhere.Count(peers.connections(of: user)), of: user) }
    }

    // MARK: - The counter's users

    private var counterUsers: Int { interests.counterUsers + peers.counterUsers }
    private var toldCounterUsers = 0

    private func tellCounterUsers() {
        if counterUsers == toldCounterUsers { return }
        toldCounterUsers = counterUsers
        _ = services.exchange.offerHere(.counterUsers(counterUsers))
    }

    // MARK: - In order

    /// Delivers what has its turn.
    private func deliver() {
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

    private func deliver(_ committed: Committed, isRest: Bool) {
        var mail = committed.mail
        let users = counterUsers
        mail.replaceEvents { event in
            if isRest, event.isStoredAlone { return nil }
            note(event)
            if case .counterUsers = event {
                toldCounterUsers = users
                return .counterUsers(users)
            }
            return event
        }
        services.exchange.deliverHere(&mail, committedAt: committed.moment)
    }

    private func note(_ event: Event) { if case .counter(_, let total, _) = event { counter = total } }

    // MARK: - What is missing

    private func fill(after start: StorePosition, upTo end: StorePosition) {
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

    private func missed(_ result: Result<Missed, StoreError>) {
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
            mail.tellAll(.missed(.memberships))
            askForCounts(interests.users.map(\.self))
        }
        counts.values.withLock { $0.filled += count }
        services.exchange.deliverHere(&mail, committedAt: UInt32(truncatingIfNeeded: System.microsecondsForward))
    }

    /// Finds out how many notifications people have not read: that others have read some may have been missed.
    private func askForCounts(_ users: [UserID]) {
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
    private func recount() {
        recounts.removeAll { unread, batch in
            if batch > sequencer.number { return false }
            if batch < sequencer.number {
                // They are out of date.
                askForCounts(Array(unread.keys))
                return true
            }
            var mail = services.exchange.makeBatch(of: 0)
            mail.tellAll(.missed(.unread(unread)))
            services.exchange.deliverHere(&mail, committedAt: UInt32(truncatingIfNeeded: System.microsecondsForward))
            return true
        }
    }

    // MARK: - Time

    /// Whether others are not heard at the moment.
    private var isLost: Bool { link?.problem != nil }

    private func tick() {
        _ = readMail()
        let now = loop.now
        interests.tidy(at: now)
        tellInterests()
        if now >= beatAt { heartbeat() }
        for peer in peers.silent(since: now - min(now, Self.lease)) {
            remove(peer, because: "nothing was heard of it for 3 s")
        }
        if now >= spentAt {
            spentAt = now + 250
            tellSpendings()
        }
        // What others commit is seen in the store only.
        if isLost, now - lookedAt >= 200 {
            lookedAt = now
            services.writer.submitAnyway(.look)
        }
        link?.look(at: now)
        deliver()
        if !recounts.isEmpty { recount() }
        counts.values.withLock { $0.nodes = peers.count + 1 }
    }

    private func tellSpendings() {
        if spenders.isEmpty { return }
        // Who is far from the limit need not be told of.
        let least = max(1, settings.messageRate.rate / 80)
        let spendings = spenders.compactMap { usage -> BusMessage.Spending? in
            let count = usage.takeUntold()
            return Double(count) >= least ? BusMessage.Spending(usage.user, messages: count) : nil
        }
        spenders = []
        if !spendings.isEmpty, !peers.isEmpty { link?.publish(.spent(spendings), to: nil) }
    }

    // MARK: - The log

    private func linkChanged(_ problem: String?) {
        if let problem {
            log.error("the bus is gone: nodes hear of each other through the store", ["reason": problem])
        } else {
            log.info("the bus is back")
            beatAt = 0
        }
    }

    private func dropped(_ drop: BusCounts.Drop) {
        counts.values.withLock { $0.drops[drop, default: 0] += 1 }
        if saidDrop[drop, default: Seldom()].isDue(at: loop.now) {
            log.warning("a message on the bus was dropped", ["reason": drop.rawValue])
        }
    }
}

extension Event {
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
