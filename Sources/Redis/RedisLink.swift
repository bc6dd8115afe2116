package import EventLoop

/// One connection to Redis that is made again whenever it ends: signing in, and finding out that it is dead, for what is
/// built on it. Belongs to its loop's thread.
package class RedisLink {
    package final let url: RedisURL
    package final let loop: EventLoop
    private let limits: Limits
    /// Told of each change of the state.
    package final var onState: ((State) -> Void)?
    package private(set) final var state = State.connecting(nil)

    package enum State: Sendable, Equatable {
        /// With why the last attempt failed, or the connection ended; `nil` before the first.
        case connecting(Trouble?)
        case connected
        case closed
    }

    /// Why there is no connection, in one line that holds no password.
    package struct Trouble: Error, Sendable, Equatable, CustomStringConvertible {
        package let description: String
    }

    package struct Limits: Sendable {
        /// Commands that wait for their answers.
        package var commands = 10_000
        /// Bytes that the kernel has not taken yet.
        package var bytes = 16 << 20
        /// Bytes in one reply.
        package var reply = 64 << 20
        /// Milliseconds that connecting may take, and any answer.
        package var patience: UInt64 = 5000

        package init() {}
    }

    private var dialing: Dialing?
    private var stream: SocketStream?
    private var reader: ReplyReader
    private var backoff = Backoff()
    private var generator = SystemRandomNumberGenerator()
    /// For the next attempt.
    private var retry: RepeatingTimer?
    private var clock: RepeatingTimer?
    /// When what is awaited is too late, on the loop's clock.
    private var deadline: UInt64?
    /// Answers to what signs in that are to come.
    private var greetings = 0
    private var connectedAt: UInt64 = 0

    package init(_ url: RedisURL, on loop: EventLoop, limits: Limits = Limits()) {
        precondition(loop.isCurrent)
        self.url = url
        self.loop = loop
        self.limits = limits
        reader = ReplyReader(limit: limits.reply)
    }

    /// Starts to connect. ``onState`` should be set before.
    package final func start() {
        clock = RepeatingTimer(every: 250, on: loop) { [weak self] in self?.tick() }
        connect()
    }

    /// Ends the connection, for good. What waits for an answer fails.
    package final func close() {
        if state == .closed { return }
        hangUp()
        clock?.close()
        clock = nil
        retry?.close()
        retry = nil
        enter(.closed)
        lost(isClosed: true)
        onState = nil
    }

    package final var isConnected: Bool { state == .connected }

    // MARK: - For subclasses

    /// Signed in: what is to be there is set up anew.
    func connected() {}
    /// A reply that is no answer to signing in. `false`: it makes no sense.
    func received(_ reply: RedisReply) -> Bool { false }
    /// There is no connection any more.
    func lost(isClosed: Bool) {}
    /// When the oldest answer that is awaited is too late.
    var answerDeadline: UInt64? { nil }
    /// A quarter of a second has passed on a connection that is in order.
    func timePassed() {}

    final var mayWrite: Bool { stream.map { $0.queuedBytes <= limits.bytes } ?? false }
    final var commandLimit: Int { limits.commands }
    final var patience: UInt64 { limits.patience }

    final func write(_ bytes: [UInt8]) { stream?.send(bytes) }

    /// Ends a connection that is no good, and tries anew.
    final func fail(_ reason: String) { fail(Trouble(description: reason)) }

    // MARK: - Connecting

    private func connect() {
        deadline = loop.now + limits.patience
        dialing = Dialing(to: url.address, on: loop) { [weak self] result in
            guard let self else { return }
            dialing = nil
            switch result {
            case .success(let stream): greet(stream)
            case .failure(let error): fail(Trouble(description: error.description))
            }
        }
    }

    /// Signs in, and asks whether commands are taken: who does so without the password is told only then.
    private func greet(_ stream: SocketStream) {
        self.stream = stream
        reader = ReplyReader(limit: limits.reply)
        stream.delegate = self
        stream.startReading()
        deadline = loop.now + limits.patience
        var commands: [RedisCommand] = []
        if let password = url.password {
            let user = url.user.map { [RedisCommand.Word($0)] } ?? []
            commands.append(RedisCommand(["AUTH"] + user + [.init(password)]))
        }
        if url.database != 0 { commands.append(RedisCommand("SELECT", .init(url.database))) }
        commands.append(RedisCommand("PING"))
        greetings = commands.count
        for command in commands { write(command.bytes) }
    }

    private func greeted(_ reply: RedisReply) {
        switch reply {
        case .status: break
        // Who may do what is needed need not be allowed to say PING.
        case .error(let error) where error.code == "NOPERM" && greetings == 1: break
        case .error(let error): return fail(Trouble(description: error.description))
        default: return fail("not a Redis")
        }
        greetings -= 1
        if greetings > 0 { return }
        deadline = nil
        connectedAt = loop.now
        enter(.connected)
        connected()
    }

    private func enter(_ state: State) {
        self.state = state
        onState?(state)
    }

    // MARK: - The end of a connection

    private func fail(_ trouble: Trouble) {
        if state == .closed { return }
        let wasConnected = isConnected
        // One that ends at once is no better than none.
        if wasConnected, loop.now - connectedAt >= UInt64(Backoff.most) { backoff.reset() }
        hangUp()
        let wait = backoff.next(using: &generator)
        retry = RepeatingTimer(every: UInt64(wait), on: loop) { [weak self] in
            guard let self else { return }
            retry?.close()
            retry = nil
            connect()
        }
        enter(.connecting(trouble))
        if wasConnected { lost(isClosed: false) }
    }

    private func hangUp() {
        deadline = nil
        dialing?.cancel()
        dialing = nil
        let stream = stream
        self.stream = nil
        stream?.delegate = nil
        stream?.close()
    }

    private func tick() {
        let due = [deadline, isConnected ? answerDeadline : nil].compactMap(\.self).min()
        if let due, loop.now >= due {
            fail(
                isConnected
                    ? "no answer for \(limits.patience / 1000) s" : "no connection within \(limits.patience / 1000) s")
        } else if isConnected {
            timePassed()
        }
    }
}

extension RedisLink: SocketStreamDelegate {
    package func received(_ bytes: inout MutableSpan<UInt8>) {
        let stream = stream
        do throws(ReplyReader.Malformed) {
            try reader.feed(bytes.span)
            // A reply may end the connection.
            while self.stream === stream, stream != nil, let reply = try reader.next() {
                if !isConnected {
                    greeted(reply)
                } else if !received(reply) {
                    fail("a reply that nobody asked for")
                }
            }
        } catch {
            fail(error.reason)
        }
    }

    package func receivedEnd() { fail("Redis closed the connection") }
    package func closed() { if stream != nil { fail("the connection broke") } }
    package func overflowed() {}
    package func drained() {}
}
