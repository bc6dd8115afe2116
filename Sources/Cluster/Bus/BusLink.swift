package import EventLoop
package import Redis
import Synchronization

/// The bus as one node uses it: publishes to all nodes or to one, hears what the others publish, and notices when it is
/// heard no more. Belongs to its loop's thread.
package final class BusLink {
    private let url: RedisURL
    private let own: NodeID
    private let codec: BusCodec
    private let loop: EventLoop
    private let counts: BusCounts
    private let publisher: RedisClient
    private let subscriber: RedisSubscriber
    private let received: (BusMessage, _ isOwnChannel: Bool) -> Void
    private let dropped: (BusCounts.Drop) -> Void
    private let changed: (String?) -> Void
    /// Of all nodes, and of this one.
    private let everybody: String, mine: String
    /// The key that says whose Redis this is, and what it says.
    private let claim: RedisCommand.Word, name: [UInt8]
    private let prefix: String
    /// How much was published on each channel; also to nodes that are gone, which may come back and know.
    private var numbers: [String: Int64] = [:]
    private var starting: ((String?) -> Void)?
    private var publisherProblem: String?, subscriberProblem: String?
    /// Whether the one has claimed this Redis, and the other has subscribed, at least once.
    private var hasClaimed = false, hasSubscribed = false
    /// When this node has heard itself last.
    private var heardOwnAt: UInt64 = 0
    private var claimedAt: UInt64 = 0
    private var clock: RepeatingTimer?
    /// Why it does not work at the moment, if so.
    package private(set) var problem: String?

    /// Milliseconds after which a node that does not hear itself is cut off.
    package static let lease: UInt64 = 3000
    /// Seconds for which the claim is good, and milliseconds between two renewals.
    private static let claimLasts = 15, claimInterval: UInt64 = 3000
    /// Milliseconds for the farewell.
    private static let farewell: UInt64 = 1000

    /// - Parameters:
    ///   - key: The cluster's secret: 32 bytes.
    ///   - dropped: A message was no good.
    ///   - changed: It works no more, and why; or works again, with `nil`.
    package init(
        _ url: RedisURL, prefix: String, own: NodeID, key: [UInt8], on loop: EventLoop, counts: BusCounts,
        received: @escaping (BusMessage, _ isOwnChannel: Bool) -> Void,
        dropped: @escaping (BusCounts.Drop) -> Void, changed: @escaping (String?) -> Void
    ) {
        self.url = url
        self.own = own
        self.loop = loop
        self.counts = counts
        self.received = received
        self.dropped = dropped
        self.changed = changed
        self.prefix = prefix
        codec = BusCodec(key: key)
        everybody = "\(prefix):bus"
        mine = Self.channel(of: own, prefix)
        claim = RedisCommand.Word("\(prefix):cluster")
        name = Array(Self.name(of: key).utf8)
        publisher = RedisClient(url, on: loop)
        subscriber = RedisSubscriber(url, on: loop)
    }

    private static func channel(of node: NodeID, _ prefix: String) -> String { "\(prefix):bus:\(node.text)" }

    /// What a cluster is called where its secret must not be seen.
    private static func name(of key: [UInt8]) -> String {
        Digest.hexadecimal(Digest.sha256(Array("switchboard cluster".utf8) + key).prefix(8))
    }

    // MARK: - Starting and stopping

    /// Connects, claims this Redis and prefix for the cluster, and waits until it hears itself.
    ///
    /// - Parameter done: Called once: with why that is impossible, or `nil`.
    package func start(_ done: @escaping (String?) -> Void) {
        starting = done
        publisher.onState = { [weak self] in self?.publisherIs($0) }
        subscriber.onState = { [weak self] state in
            guard let self, case .connecting(let trouble?) = state else { return }
            subscriberProblem = trouble.description
            update()
        }
        subscriber.onReady = { [weak self] in
            guard let self else { return }
            (subscriberProblem, hasSubscribed) = (nil, true)
            heardOwnAt = loop.now
            update()
            greetIfReady()
        }
        subscriber.onMessage = { [weak self] in self?.heard($1, $2) }
        subscriber.subscribe([.channel(everybody), .channel(mine)])
        clock = RepeatingTimer(every: 250, on: loop) { [weak self] in self?.tick() }
        publisher.start()
        subscriber.start()
    }

    private func publisherIs(_ state: RedisLink.State) {
        switch state {
        case .connected: claimCluster()
        case .connecting(let trouble?):
            publisherProblem = trouble.description
            update()
        case .connecting(nil), .closed: break
        }
    }

    /// Says whose Redis this is, or finds out that it is another cluster's.
    private func claimCluster() {
        claimedAt = loop.now
        let lasts = RedisCommand.Word(Self.claimLasts)
        publisher.send(RedisCommand("SET", claim, .init(name), "NX", "EX", lasts)) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(.status): claimed()
            case .success(.null):
                publisher.send(RedisCommand("GET", claim)) { [weak self] result in
                    guard let self else { return }
                    switch result {
                    case .success(.string(let found)) where found == name:
                        publisher.send(RedisCommand("EXPIRE", claim, lasts)) { [weak self] result in
                            if let problem = result.problem { self?.cannotClaim(problem) } else { self?.claimed() }
                        }
                    case .success(.string):
                        cannotClaim("another cluster uses the prefix \"\(prefix)\"; give each a bus_prefix of its own")
                    // It has expired just now.
                    case .success: claimCluster()
                    case .failure(let failure): cannotClaim("\(failure)")
                    }
                }
            case .success, .failure: cannotClaim(result.problem ?? "no answer to SET")
            }
        }
    }

    private func claimed() {
        (publisherProblem, hasClaimed) = (nil, true)
        update()
        greetIfReady()
    }

    private func cannotClaim(_ reason: String) {
        publisherProblem = reason
        update()
    }

    /// Both connections work: now a message of this node's own has to come back.
    private func greetIfReady() {
        if starting != nil, hasClaimed, hasSubscribed { publish(.passing([]), to: nil) }
    }

    private func update() {
        let before = problem
        problem = publisherProblem ?? subscriberProblem
        if let problem, let done = starting.take() {
            close()
            return done("\(url): \(problem)")
        }
        if starting != nil { return }
        counts.values.withLock { $0.problem = problem }
        if (before == nil) != (problem == nil) { changed(problem) }
    }

    /// Ends the connections once all has been published.
    package func stop(_ done: @escaping () -> Void) {
        guard publisher.isConnected else {
            close()
            return done()
        }
        publisher.send(RedisCommand("PING"), within: Self.farewell) { [self] _ in
            close()
            done()
        }
    }

    private func close() {
        clock?.close()
        clock = nil
        publisher.close()
        subscriber.close()
    }

    // MARK: - Messages

    /// - Parameter node: `nil` for all of them.
    package func publish(_ content: BusMessage.Content, to node: NodeID?) {
        let channel = node.map { Self.channel(of: $0, prefix) } ?? everybody
        let number = (numbers[channel] ?? 0) + 1
        // What could not be sent leaves a gap, by which the others see that something is missing.
        numbers[channel] = number
        let payload = codec.encode(BusMessage(from: own, number: number, content), for: channel)
        publisher.send(RedisCommand(publishing: payload, on: channel)) { [weak self] result in
            guard let self else { return }
            if case .success(.error(let error)) = result {
                publisherProblem = error.description
                update()
            }
        }
        counts.values.withLock { $0.published += 1 }
    }

    private func heard(_ channel: String, _ payload: [UInt8]) {
        let message: BusMessage
        do throws(BusCodec.Malformed) {
            message = try codec.decode(payload, from: channel)
        } catch {
            return dropped(BusCounts.Drop(error))
        }
        if message.from == own {
            heardOwnAt = loop.now
            starting.take()?(nil)
            if subscriberProblem != nil, subscriber.isConnected {
                subscriberProblem = nil
                update()
            }
            return
        }
        counts.values.withLock { $0.received += 1 }
        received(message, channel == mine)
    }

    // MARK: - Time

    /// Looks whether this node hears itself, and renews the claim.
    private func tick() {
        let now = loop.now
        if hasSubscribed, subscriberProblem == nil, now >= heardOwnAt + Self.lease {
            subscriberProblem = "this node has not heard its own heartbeat for \(Self.lease / 1000) s"
            update()
        }
        if publisher.isConnected, now >= claimedAt + Self.claimInterval { claimCluster() }
    }
}

extension BusCounts.Drop {
    fileprivate init(_ error: BusCodec.Malformed) {
        self =
            switch error {
            case .foreign: .foreign
            case .version: .version
            case .undecodable: .malformed
            }
    }
}
