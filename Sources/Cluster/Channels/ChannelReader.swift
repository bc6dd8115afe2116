import Chat
import EventLoop
import Redis
import Synchronization

/// Reads what is sent to this node's channel, and has it carried out. Belongs to its loop's thread.
///
/// One command waits for a message; what else is there by then is read at once. While the store takes no more, nothing is
/// read: messages wait in the channel, and its senders hear when that is full.
final class ChannelReader {
    private let settings: ChannelSettings
    private let client: RedisClient
    private let key: RedisCommand.Word
    private let seal: Fernet?
    private let counts: BridgeCounts
    private let report: (BridgeReport) -> Void
    private let take: (ChannelOrder) -> ChannelBridge.Taken
    /// The group that an address in this channel stands for.
    var groupAt: ((String) -> ChannelGroup?)?
    /// Told of each answer whether there is something wrong.
    var onProblem: ((String?) -> Void)?
    private var isStarted = false
    private var isReading = false
    /// Orders that are to be given again.
    private var held: [ChannelOrder] = []
    /// When, after something went wrong.
    private var readAt: UInt64 = 0, giveAt: UInt64 = 0

    /// Seconds that one command waits for a message.
    private static let wait = 5

    init(
        _ settings: ChannelSettings, channel: String, _ client: RedisClient, _ counts: BridgeCounts,
        report: @escaping (BridgeReport) -> Void, take: @escaping (ChannelOrder) -> ChannelBridge.Taken
    ) {
        self.settings = settings
        self.client = client
        self.counts = counts
        self.report = report
        self.take = take
        key = .init(settings.key(ofChannel: channel))
        let lifetime = settings.expiry + .seconds(10)
        seal = settings.encryptionKeys.isEmpty ? nil : Fernet(settings.encryptionKeys, lifetime: lifetime)
    }

    /// There is a connection, maybe another one than before.
    func start() {
        isStarted = true
        isReading = false
        read()
    }

    func stop() {
        isStarted = false
        if !held.isEmpty { report(.messagesLeft(held.count)) }
    }

    /// 20 times a second.
    func tick() {
        if isStarted, !held.isEmpty, client.loop.now >= giveAt {
            var orders: [ChannelOrder] = []
            swap(&orders, &held)
            for order in orders { carryOut(order) }
        }
        if client.loop.now >= readAt { read() }
    }

    // MARK: - Reading

    private func read() {
        guard isStarted, !isReading, held.isEmpty, client.isConnected else { return }
        isReading = true
        let command = RedisCommand("BZPOPMIN", key, .init(Self.wait))
        client.send(command, within: UInt64(Self.wait) * 1000 + 5000) { [weak self] result in
            guard let self, isRead(result) else { return }
            if case .success(.array(let parts)) = result, parts.count == 3 {
                take(parts[1], parts[2])
                drain(behind: 1)
            } else {
                isReading = false
                read()
            }
        }
    }

    private func drain(behind read: Int) {
        client.send(RedisCommand("ZPOPMIN", key, .init(settings.capacity))) { [weak self] result in
            guard let self, isRead(result) else { return }
            let parts = result.value?.array ?? []
            if parts.count / 2 + read >= settings.capacity {
                counts.values.withLock { $0.timesFull += 1 }
                report(.channelFull(capacity: settings.capacity))
            }
            for place in stride(from: 0, to: parts.count - 1, by: 2) { take(parts[place], parts[place + 1]) }
            if !parts.isEmpty, held.isEmpty { return drain(behind: 0) }
            isReading = false
            self.read()
        }
    }

    /// Whether there is an answer. Where there is none, or an error, it is tried again.
    private func isRead(_ result: RedisResult) -> Bool {
        let problem = result.problem
        if problem == nil || client.isConnected { onProblem?(problem) }
        if problem == nil { return true }
        isReading = false
        readAt = client.loop.now + 1000
        return false
    }

    // MARK: - What was read

    private func take(_ member: RedisReply, _ score: RedisReply) {
        guard let bytes = member.bytes, let score = score.bytes else { return drop(.malformed) }
        let now = Timestamp(microseconds: System.microsecondsSince1970)
        do throws(ChannelMessage.Drop) {
            let message = try ChannelMessage(bytes, settings, seal, at: now)
            for address in Set(message.addressees) { take(message, for: address, sentAt: score, at: now) }
        } catch {
            drop(error)
        }
    }

    private func take(_ message: ChannelMessage, for address: String, sentAt score: [UInt8], at now: Timestamp) {
        guard let group = groupAt?(address) else { return drop(.unknownGroup) }
        do throws(ChannelMessage.Drop) {
            let order = try message.order(for: group, sentAt: score, settings, at: now)
            counts.values.withLock { $0.messages[message.type, default: 0] += 1 }
            carryOut(order)
        } catch {
            drop(error, group.name)
        }
    }

    private func carryOut(_ order: ChannelOrder) {
        if !held.isEmpty { return held.append(order) }
        switch take(order) {
        case .done: break
        case .busy: held.append(order)
        case .behind: drop(.behind)
        }
    }

    /// The store could not write an order that it had taken.
    func giveBack(_ order: ChannelOrder) {
        held.append(order)
        giveAt = client.loop.now + 1000
    }

    func drop(_ reason: ChannelMessage.Drop, _ group: String? = nil) {
        counts.values.withLock { $0.drops[reason, default: 0] += 1 }
        report(.messageDropped(reason, group: group))
    }
}

extension RedisResult {
    /// Why a command was not carried out, if so.
    var problem: String? {
        switch self {
        case .success(.error(let error)): error.description
        case .success: nil
        case .failure(let failure): "\(failure)"
        }
    }
}
