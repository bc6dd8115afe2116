import EventLoop

/// Hears what is published on a changing set of channels and patterns. Belongs to its loop's thread.
///
/// The set outlives connections: after each new one all of it is subscribed to again. What was published meanwhile is
/// gone, as Redis keeps none of it: ``onReady`` is when to look elsewhere for what was missed.
package final class RedisSubscriber: RedisLink {
    /// What a channel's name is compared with.
    package enum Topic: Hashable, Sendable {
        case channel(String)
        /// With `*`, `?` and `[…]` as Redis understands them.
        case pattern(String)
    }

    /// A message: by which of the topics, on which channel, and what.
    package var onMessage: ((_ topic: Topic, _ channel: String, _ payload: [UInt8]) -> Void)?
    /// From here on, all that was asked for so far is heard. After each connection, and after ``subscribe(_:)``.
    package var onReady: (() -> Void)?
    /// Redis does not allow it (ACL).
    package var onRefusal: ((RedisError) -> Void)?

    private var topics: Set<Topic> = []
    /// Confirmations of topics, and pongs, that are to come.
    private var awaited = 0, pings = 0
    /// Since when; it moves on with each that comes.
    private var awaitedSince: UInt64 = 0
    private var heardAt: UInt64 = 0

    /// Milliseconds of silence after which Redis is asked whether it is there.
    private static let quiet: UInt64 = 5000
    /// Topics in one command.
    private static let slice = 500

    /// Adds to the set.
    package func subscribe(_ topics: [Topic]) {
        let new = topics.filter { self.topics.insert($0).inserted }
        if isConnected { ask("SUBSCRIBE", "PSUBSCRIBE", new) }
    }

    /// Takes out of the set. What is on its way may still come.
    package func unsubscribe(_ topics: [Topic]) {
        let gone = topics.filter { self.topics.remove($0) != nil }
        if isConnected { ask("UNSUBSCRIBE", "PUNSUBSCRIBE", gone) }
    }

    private func ask(_ forChannels: RedisCommand.Word, _ forPatterns: RedisCommand.Word, _ topics: [Topic]) {
        var channels: [RedisCommand.Word] = []
        var patterns: [RedisCommand.Word] = []
        for topic in topics {
            switch topic {
            case .channel(let name): channels.append(.init(name))
            case .pattern(let name): patterns.append(.init(name))
            }
        }
        for (verb, names) in [(forChannels, channels), (forPatterns, patterns)] {
            for start in stride(from: 0, to: names.count, by: Self.slice) {
                let slice = names[start..<min(start + Self.slice, names.count)]
                send(RedisCommand([verb] + slice), awaiting: slice.count)
            }
        }
    }

    private func send(_ command: RedisCommand, awaiting count: Int) {
        if awaited + pings == 0 { awaitedSince = loop.now }
        awaited += count
        write(command.bytes)
    }

    override func connected() {
        (awaited, pings) = (0, 0)
        heardAt = loop.now
        ask("SUBSCRIBE", "PSUBSCRIBE", Array(topics))
        if awaited == 0 { onReady?() }
    }

    override func received(_ reply: RedisReply) -> Bool {
        heardAt = loop.now
        switch reply {
        case .array(let parts): return received(parts)
        case .error(let error):
            // One for the whole command; the connection's end puts the count right.
            onRefusal?(error)
            fail(error.description)
            return true
        // A ping while nothing is subscribed to.
        case .status: return ponged()
        case .string, .integer, .null: return false
        }
    }

    private func received(_ parts: [RedisReply]) -> Bool {
        guard let kind = parts.first?.bytes.map({ String(decoding: $0, as: UTF8.self) }) else { return false }
        switch (kind, parts.count) {
        case ("message", 3):
            guard let channel = text(parts[1]), let payload = parts[2].bytes else { return false }
            onMessage?(.channel(channel), channel, payload)
            return true
        case ("pmessage", 4):
            guard let pattern = text(parts[1]), let channel = text(parts[2]), let payload = parts[3].bytes else {
                return false
            }
            onMessage?(.pattern(pattern), channel, payload)
            return true
        case ("subscribe", 3), ("psubscribe", 3), ("unsubscribe", 3), ("punsubscribe", 3):
            return confirmed()
        case ("pong", 2): return ponged()
        default: return false
        }
    }

    private func confirmed() -> Bool {
        guard awaited > 0 else { return false }
        awaited -= 1
        awaitedSince = loop.now
        if awaited == 0 { onReady?() }
        return true
    }

    private func ponged() -> Bool {
        guard pings > 0 else { return false }
        pings -= 1
        return true
    }

    private func text(_ reply: RedisReply) -> String? { reply.bytes.map { String(decoding: $0, as: UTF8.self) } }

    override var answerDeadline: UInt64? { awaited + pings > 0 ? awaitedSince + patience : nil }

    override func timePassed() {
        if awaited + pings == 0, loop.now - heardAt >= Self.quiet {
            send(RedisCommand("PING"), awaiting: 0)
            pings = 1
        }
    }
}
