package import EventLoop
import Redis
import Synchronization

/// Joins the groups of a Django channel layer (`channels_redis.core`) for all clients of this node, and reads what is sent
/// to them. Belongs to its loop's thread.
///
/// The node has one channel, `specific.<id>!`, whatever it is in: what is behind the "!" says by which group a message
/// came. What a node has read and not handed on is lost when it is killed, as with a Django consumer.
package final class ChannelBridge {
    /// What became of an order.
    package enum Taken {
        case done
        /// It is to be given again.
        case busy
        case behind
    }

    private let settings: ChannelSettings
    private let loop: EventLoop
    private let counts: BridgeCounts
    private let report: (BridgeReport) -> Void
    private let channel: String
    private let hosts: [RedisClient]
    /// The connection that waits for messages.
    private let waiting: RedisClient
    private let reader: ChannelReader
    private var memberships: ChannelMemberships
    /// By host; -1 is ``waiting``'s.
    private var problems: [Int: String] = [:]
    private var clock: RepeatingTimer?
    private var stage = Stage.starting(nil)
    private var renewAt: UInt64 = 0, lookAt: UInt64 = 0

    private enum Stage {
        case starting(((String?) -> Void)?)
        case running
        case stopping(until: UInt64, () -> Void)
        case stopped
    }

    /// Commands about groups under way on each host.
    private static let window = 500
    /// Milliseconds between looks whether a host still knows what it was told, and for leaving all groups.
    private static let lookInterval: UInt64 = 2000, farewell: UInt64 = 1000

    /// - Parameters:
    ///   - id: Random, of letters and digits.
    ///   - take: Carries an order out.
    package init(
        _ settings: ChannelSettings, id: String, on loop: EventLoop, counts: BridgeCounts,
        report: @escaping (BridgeReport) -> Void, take: @escaping (ChannelOrder) -> Taken
    ) {
        self.settings = settings
        self.loop = loop
        self.counts = counts
        self.report = report
        channel = "specific.\(id)!"
        hosts = settings.hosts.map { RedisClient($0, on: loop) }
        waiting = RedisClient(settings.hosts[settings.host(of: channel)], on: loop)
        reader = ChannelReader(settings, channel: channel, waiting, counts, report: report, take: take)
        memberships = ChannelMemberships(settings)
        // The counter is kept whether anybody looks at it or not.
        memberships.listen(true, to: .counter)
        reader.groupAt = { [weak self] in self?.memberships.group(at: $0) }
        reader.onProblem = { [weak self] in self?.note($0, of: -1) }
    }

    private var clients: [(index: Int, client: RedisClient)] {
        [(-1, waiting)] + hosts.enumerated().map { ($0, $1) }
    }

    // MARK: - Starting

    /// Connects, and finds out whether all that is needed is allowed.
    ///
    /// - Parameter done: Called once: with why it is not, or `nil`.
    package func start(_ done: @escaping (String?) -> Void) {
        stage = .starting(done)
        for (index, client) in clients {
            client.onState = { [weak self] in self?.entered($0, client, index) }
            client.start()
        }
        clock = RepeatingTimer(every: 50, on: loop) { [weak self] in self?.tick() }
    }

    private func entered(_ state: RedisLink.State, _ client: RedisClient, _ index: Int) {
        switch (state, stage) {
        case (.connecting(let trouble?), .starting): fail("\(client.url): \(trouble)")
        case (.connecting(let trouble), _): note(trouble?.description ?? "not connected", of: index)
        case (.connected, .starting): if clients.allSatisfy(\.client.isConnected) { tryRights() }
        case (.connected, .running): connected(index)
        case (.connected, _), (.closed, _): break
        }
    }

    private func connected(_ index: Int) {
        note(nil, of: index)
        if index < 0 { return reader.start() }
        memberships.noteAll(on: index)
        pump(index)
    }

    private func fail(_ reason: String) {
        guard case .starting(let done) = stage else { return }
        close()
        done?(reason)
    }

    /// Everything that will be needed is done once: a missing right shows now.
    private func tryRights() {
        let group = RedisCommand.Word("\(settings.prefix):group:switchboard.\(channel.dropLast())")
        let key = RedisCommand.Word(settings.key(ofChannel: channel))
        let member = RedisCommand.Word(channel)
        var tries = hosts.flatMap { host in
            [
                RedisCommand("ZADD", group, "0", member), RedisCommand("EXPIRE", group, "60"),
                RedisCommand("ZSCORE", group, member), RedisCommand("ZREM", group, member),
            ].map { (host, $0) }
        }
        tries += [
            RedisCommand("ZADD", key, "0", "rights"), RedisCommand("BZPOPMIN", key, "1"),
            RedisCommand("ZPOPMIN", key, "1"),
        ].map { (waiting, $0) }
        var open = tries.count
        for (client, command) in tries {
            client.send(command) { [weak self] result in
                guard let self, case .starting(let done) = stage else { return }
                if let reason = result.problem { return fail("\(client.url): \(reason)") }
                open -= 1
                if open > 0 { return }
                stage = .running
                renewAt = loop.now + renewal
                for (index, _) in clients { connected(index) }
                done?(nil)
            }
        }
    }

    // MARK: - Stopping

    /// Leaves all groups, and ends the connections.
    package func stop(_ done: @escaping () -> Void) {
        reader.stop()
        stage = .stopping(until: loop.now + Self.farewell, done)
        memberships.leaveAll()
        for index in hosts.indices { pump(index) }
        finishStopping()
    }

    private func finishStopping() {
        guard case .stopping(let end, let done) = stage else { return }
        let hasLeft = hosts.indices.allSatisfy { memberships.isDone(on: $0) && hosts[$0].pending == 0 }
        guard hasLeft || loop.now >= end else { return }
        close()
        done()
    }

    private func close() {
        stage = .stopped
        clock?.close()
        clock = nil
        for (_, client) in clients { client.close() }
    }

    // MARK: - Groups

    /// One loop more, or one less, has clients of a group.
    package func listen(_ isListening: Bool, to group: ChannelGroup) {
        if case .stopping = stage { return }
        memberships.listen(isListening, to: group)
        pump(settings.host(of: group.name))
    }

    /// Tells a host of the groups that it should know of, a number of them at a time.
    private func pump(_ index: Int) {
        let host = hosts[index]
        counts.values.withLock { $0.groups = memberships.count }
        if case .starting = stage { return }
        while host.isConnected, host.pending < Self.window, let group = memberships.next(on: index) {
            let key = RedisCommand.Word(settings.key(of: group))
            let member = RedisCommand.Word(channel + ChannelMemberships.address(in: group))
            let join = [
                RedisCommand("ZADD", key, .init(now), member),
                RedisCommand("EXPIRE", key, .init(settings.groupExpiry.components.seconds)),
            ]
            for command in memberships.isIn(group) ? join : [RedisCommand("ZREM", key, member)] {
                host.send(command) { [weak self] in self?.told(group, index, $0) }
            }
        }
    }

    private func told(_ group: ChannelGroup, _ index: Int, _ result: RedisResult) {
        switch (result, stage) {
        case (.success, _):
            note(result.problem, of: index)
            pump(index)
            finishStopping()
        // Those to be in are noted again with the next connection; to be in no more is forgotten otherwise.
        case (.failure, .running): if !memberships.isIn(group) { memberships.note(group) }
        case (.failure, _): break
        }
    }

    /// In seconds since 1970, as Python's clock.
    private var now: String {
        let (seconds, microseconds) = System.microsecondsSince1970.quotientAndRemainder(dividingBy: 1_000_000)
        return "\(seconds).\(String(microseconds + 1_000_000).dropFirst())"
    }

    /// Milliseconds after which all groups are joined anew: half of what they last.
    private var renewal: UInt64 { UInt64(settings.groupExpiry.components.seconds) * 500 }

    // MARK: - Orders that were not carried out

    /// The store could not write an order that it had taken. While it can't, the rest waits where it is.
    package func giveBack(_ order: ChannelOrder) { reader.giveBack(order) }

    /// The store refused an order, for good.
    package func refused() { reader.drop(.refused) }

    // MARK: - Time

    private func tick() {
        finishStopping()
        guard case .running = stage else { return }
        reader.tick()
        for index in hosts.indices { pump(index) }
        if loop.now >= renewAt {
            renewAt = loop.now + renewal
            for index in hosts.indices { memberships.noteAll(on: index) }
        }
        if loop.now >= lookAt {
            lookAt = loop.now + Self.lookInterval
            for index in hosts.indices { look(index) }
        }
    }

    /// Finds out whether a host has forgotten what it was told, without having gone.
    private func look(_ index: Int) {
        guard hosts[index].isConnected, memberships.isDone(on: index), let group = memberships.sample(on: index) else {
            return
        }
        let member = channel + ChannelMemberships.address(in: group)
        hosts[index].send(RedisCommand("ZSCORE", .init(settings.key(of: group)), .init(member))) { [weak self] result in
            guard let self, case .success(.null) = result, memberships.isIn(group) else { return }
            memberships.noteAll(on: index)
        }
    }

    private func note(_ problem: String?, of index: Int) {
        let before = problems.isEmpty
        problems[index] = problem
        let now = problems.min { $0.key < $1.key }?.value
        counts.values.withLock { $0.channelsProblem = now }
        guard case .running = stage else { return }
        if before, let now { report(.channelsLost(reason: now)) }
        if !before, now == nil { report(.channelsHealed) }
    }
}
