import Chat
import Cluster
import EventLoop

/// The bridges to back ends that people have already, on a loop of their own: they read what others send, which must not
/// take the time of clients.
actor Bridges {
    nonisolated let loop: EventLoop
    nonisolated let counts = BridgeCounts()
    /// Nobody waits for the bridges: what is posted here is a fact about this node.
    nonisolated let inbox: Mailbox<BridgeMail>
    nonisolated let hasChannels: Bool
    nonisolated let hasEmitters: Bool
    private let exchange: Exchange
    private let writer: Writer
    private let log: Log
    private var channels: ChannelBridge?
    private var emitters: EmitterBridge?
    private var batch: [BridgeMail] = []
    private var said: [String: Seldom] = [:]

    enum BridgeMail: Sendable {
        /// A loop has its first client of a group, or its last one has left.
        case listening(ChannelGroup, Bool)
        /// The store could not write what it was given.
        case unstored(ChannelOrder)
        case refused
    }

    init(_ settings: Configuration, _ exchange: Exchange, _ writer: Writer, _ log: Log) {
        loop = EventLoop()
        inbox = loop.makeInbox()
        hasChannels = !settings.channels.isEmpty
        hasEmitters = settings.emitters != nil
        self.exchange = exchange
        self.writer = writer
        self.log = log
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Why one of them does not work at the moment, if so, in a sentence.
    nonisolated var failureReason: String? { counts.problem }

    /// Connects all that is configured.
    ///
    /// - Throws: In one line why that is impossible.
    func start(_ settings: Configuration) async throws(Server.StartError) {
        // The loop keeps this until it is stopped.
        loop.onEndOfTurn { [self] in assumeIsolated { $0.readMail() } }
        if let wanted = ChannelSettings(settings) {
            let bridge = ChannelBridge(
                wanted, id: SessionID.random(), on: loop, counts: counts,
                report: { [self] report in assumeIsolated { $0.say(report) } },
                take: { [self] order in assumeIsolated { $0.take(order) } })
            channels = bridge
            if let reason = await withCheckedContinuation({ done in bridge.start { done.resume(returning: $0) } }) {
                throw Server.StartError(description: "cannot use the channel layer on \(reason)")
            }
        }
        if let wanted = EmitterSettings(settings) {
            let bridge = EmitterBridge(
                wanted, on: loop, counts: counts,
                report: { [self] report in assumeIsolated { $0.say(report) } },
                emit: { [exchange] in exchange.offer($0) })
            emitters = bridge
            if let reason = await withCheckedContinuation({ done in bridge.start { done.resume(returning: $0) } }) {
                throw Server.StartError(description: "cannot hear the emitters on \(reason)")
            }
        }
    }

    /// Reads no more from back ends, and leaves their groups.
    func stop() async {
        emitters?.stop()
        if let channels {
            await withCheckedContinuation { done in channels.stop { done.resume() } }
        }
        emitters = nil
        channels = nil
    }

    // MARK: - Mail

    private func readMail() -> Bool {
        inbox.drain(into: &batch)
        if batch.isEmpty { return false }
        for mail in batch {
            switch mail {
            case .listening(let group, let isListening): channels?.listen(isListening, to: group)
            case .unstored(let order): channels?.giveBack(order)
            case .refused: channels?.refused()
            }
        }
        batch.removeAll(keepingCapacity: batch.capacity < 4096)
        return true
    }

    private func take(_ order: ChannelOrder) -> ChannelBridge.Taken {
        switch order {
        case .publish(let event): return exchange.offerHere(event) ? .done : .behind
        case .store(let change):
            let inbox = inbox
            let isQueued = writer.submit(
                .change(
                    change,
                    .caller { outcome in
                        switch outcome {
                        case .refused(.storeUnavailable), .refused(.storeBusy): inbox.post(.unstored(order))
                        case .refused: inbox.post(.refused)
                        case .stored, .repeated, .read, .started, .joined, .notified, .notifiedBefore,
                            .notificationRead, .notice, .counted, .unchanged:
                            break
                        }
                    }))
            return isQueued ? .done : .busy
        }
    }

    // MARK: - The log

    /// What may happen with every message is said once in ten seconds for each reason.
    private func isDue(_ reason: String) -> Bool {
        said[reason, default: Seldom()].isDue(at: loop.now)
    }

    private func say(_ report: BridgeReport) {
        switch report {
        case .channelsLost(let reason): log.error("the channel layer is gone", ["reason": reason])
        case .channelsHealed: log.info("the channel layer is back")
        case .emittersLost(let reason): log.error("the emitters are not heard", ["reason": reason])
        case .emittersHealed: log.info("the emitters are heard again")
        case .messageDropped(let reason, let group):
            guard isDue("message \(reason.rawValue)") else { return }
            log.warning(
                "a message of the channel layer was dropped", ["reason": reason.rawValue, "group": group ?? "none"])
        case .channelFull(let capacity):
            guard isDue("full") else { return }
            log.warning(
                "the channel of this server was full: its senders may have dropped messages",
                ["capacity": "\(capacity)"])
        case .emissionDropped(let reason):
            guard isDue("emission \(reason.rawValue)") else { return }
            log.warning("a message of an emitter was dropped", ["reason": reason.rawValue])
        case .messagesLeft(let count):
            log.error("messages of the channel layer could not be stored", ["count": "\(count)"])
        }
    }
}

extension ChannelSettings {
    fileprivate init?(_ settings: Configuration) {
        if settings.channels.isEmpty { return nil }
        self.init(hosts: settings.channels)
        prefix = settings.channelsPrefix
        capacity = settings.channelsCapacity
        expiry = settings.channelsExpiry
        groupExpiry = settings.channelsGroupExpiry
        encryptionKeys = settings.channelsKeys
        maximumMessage = settings.maxMessage
        maximumText = settings.maxText
    }
}

extension EmitterSettings {
    fileprivate init?(_ settings: Configuration) {
        guard let url = settings.emitters else { return nil }
        self.init(url: url)
        key = settings.emittersKey
        channel = settings.emittersChannel
        maximumMessage = settings.maxMessage
    }
}

extension ChannelGroup {
    /// The group whose members hear what a topic's do.
    init?(_ topic: Topic) {
        switch topic {
        case .chat(let user): self = .chat(user)
        case .notifications(let user): self = .notifications(user)
        case .collegeNotifications(let college): self = .college(college)
        case .everybodysNotifications: self = .everybody
        case .room(let room): self = .room(room)
        // The counter's group is joined in any case.
        case .counter, .conversation, .socketRoom: return nil
        }
    }
}
