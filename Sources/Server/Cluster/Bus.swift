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
    let membership: Membership
    let services: Services
    let address: SocketAddress
    let settings: Configuration
    let log: Log
    /// How long clients may stay away and be told what they missed, in milliseconds.
    let recovery: UInt64

    var link: BusLink?
    var sequencer: Sequencer<Committed>
    var peers = Peers()
    var interests = Interests()
    /// How many changes of them the others were told, and with how many of these they had been told of all that was new.
    var interestsTold: Int64 = 0, newestInterest: Int64 = 0
    var mail: [BusMail] = []
    /// What waits for the end of the turn.
    var unpublished = Unpublished()
    var spenders: [Usage] = []
    var repairs = Repairs()
    /// What clients of the counter here take it to be.
    var counter: Int64?
    /// How many connections it has here, as of what was delivered, and how many these know of on all nodes. Others come and
    /// go at any time, and are added here only: whoever else would tell of them might be heard too late.
    var counterUsers = (here: 0, told: 0)
    var clock: RepeatingTimer?
    var beatAt: UInt64 = 0, spentAt: UInt64 = 0, lookedAt: UInt64 = 0
    var saidDrop: [BusCounts.Drop: Seldom] = [:]

    /// What this node has committed.
    struct Committed: Sendable {
        let mail: Exchange.Batch
        let moment: UInt32
    }

    struct Unpublished {
        var batches: [BusMessage.Batch] = []
        var passing: [Event] = []
        var arrived: [UserID] = []
    }

    struct Services: Sendable {
        let exchange: Exchange
        let writer: Writer
        let archive: Readers
        let people: People
        let recoveries: Recoveries
    }

    /// Milliseconds between two heartbeats.
    static let beat: UInt64 = 500
    /// After so many milliseconds of silence a node is taken for gone.
    static let lease = BusLink.lease
    /// How long what is missing may still come by itself.
    static let patience: UInt64 = 200
    /// Messages, and notifications, that are read from the store at once.
    static let slice = 1000

    /// - Parameter address: Where this node takes what is forwarded to it.
    init(
        _ settings: Configuration, _ membership: Membership, _ services: Services, address: SocketAddress, log: Log
    ) {
        loop = membership.loop
        self.membership = membership
        self.services = services
        self.settings = settings
        self.address = address
        self.log = log
        recovery = UInt64(settings.recovery.milliseconds)
        sequencer = Sequencer(after: membership.seen.batch, at: membership.seen.position)
    }

    var nodes: Nodes { membership.nodes }
    var elsewhere: Elsewhere { membership.elsewhere }
    var inbox: Mailbox<BusMail> { membership.inbox }

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Connects, and finds out whether all that is needed is allowed, and no other cluster is there.
    ///
    /// - Throws: In one line why that is impossible.
    func start() async throws(Server.StartError) {
        // The loop keeps this until it is stopped.
        loop.onEndOfTurn { [self] in assumeIsolated { $0.readMail() } }
        let link = BusLink(
            membership.url, prefix: settings.busPrefix, own: nodes.own, key: membership.key, on: loop, counts: counts,
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

    func readMail() -> Bool {
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

    func take(_ piece: BusMail) {
        switch piece {
        case .sits(let seat):
            interests.sits(on: seat)
            if case .notifications(let user?) = seat { repairs.comes(user.id, at: loop.now) }
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
        case .reached(let position, let user): interests.reached(position, of: user)
        case .arrived(let user):
            settle([user])
            unpublished.arrived.append(user)
        case .spends(let usage): spenders.append(usage)
        case .returned(let client, let node): link?.publish(.returned([client]), to: node)
        case .missed(let result): missed(result)
        }
    }

    /// Before all that is published after it.
    func tellInterests() {
        let (changes, isWider) = interests.takeChanges()
        if changes.isEmpty { return }
        interestsTold += Int64(changes.count)
        if isWider { newestInterest = interestsTold }
        if !peers.isEmpty { link?.publish(.interests(changes, interests: interestsTold), to: nil) }
    }

    func publish() {
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
        if !unpublished.arrived.isEmpty { link.publish(.arrived(unpublished.arrived), to: nil) }
        unpublished = Unpublished()
    }

    func heartbeat() {
        beatAt = loop.now + Self.beat
        link?.publish(
            .heartbeat(
                BusMessage.Heartbeat(
                    address: address.description, batch: sequencer.newest, interests: interestsTold, known: peers.known)
            ), to: nil)
    }

    /// All interests, to a node that does not know them.
    func sendState(to peer: NodeID) {
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

    // MARK: - Time

    /// Whether others are not heard at the moment.
    var isLost: Bool { link?.problem != nil }

    func tick() {
        _ = readMail()
        let now = loop.now
        interests.tidy(at: now)
        noteElsewhere(peers.tidy(at: now))
        tellInterests()
        if now >= beatAt { heartbeat() }
        for peer in peers.silent(since: now - min(now, Self.lease)) {
            remove(peer, because: "nothing was heard of it for \(Self.lease / 1000) s")
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
        deliver()
        tellCounterUsers()
        repair()
        counts.values.withLock { $0.nodes = peers.count + 1 }
    }

    func tellSpendings() {
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

    func linkChanged(_ problem: String?) {
        if let problem {
            log.error("the bus is gone: nodes hear of each other through the store", ["reason": problem])
        } else {
            log.info("the bus is back")
            beatAt = 0
        }
    }

    func dropped(_ drop: BusCounts.Drop) {
        counts.values.withLock { $0.drops[drop, default: 0] += 1 }
        if saidDrop[drop, default: Seldom()].isDue(at: loop.now) {
            log.warning("a message on the bus was dropped", ["reason": drop.rawValue])
        }
    }
}
