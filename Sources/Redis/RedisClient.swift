import EventLoop

/// Sends commands to Redis, one behind the other without waiting, and tells each what came of it. Belongs to its loop's
/// thread.
///
/// Nothing is kept for later: without a connection a command fails at once, and its caller knows best what to do when
/// there is one again (``RedisLink/onState``). After ``RedisFailure/lost`` a command may have been carried out or not.
package final class RedisClient: RedisLink {
    private struct Waiting {
        let deadline: UInt64
        let done: (RedisResult) -> Void
    }

    private var waiting = Queue<Waiting>()

    /// How many commands wait for their answers.
    package var pending: Int { waiting.count }

    /// - Parameters:
    ///   - within: Milliseconds that the answer may take, for commands that wait by themselves.
    ///   - done: Called once, later or at once.
    package func send(_ command: RedisCommand, within: UInt64? = nil, _ done: @escaping (RedisResult) -> Void) {
        guard isConnected else { return done(.failure(state == .closed ? .closed : .notConnected)) }
        guard waiting.count < commandLimit, mayWrite else { return done(.failure(.tooMany)) }
        waiting.append(Waiting(deadline: loop.now + (within ?? patience), done: done))
        write(command.bytes)
    }

    override func received(_ reply: RedisReply) -> Bool {
        guard let first = waiting.popFirst() else { return false }
        first.done(.success(reply))
        return true
    }

    override func lost(isClosed: Bool) {
        var lost = Queue<Waiting>()
        swap(&lost, &waiting)
        while let command = lost.popFirst() { command.done(.failure(isClosed ? .closed : .lost)) }
    }

    override var answerDeadline: UInt64? { waiting.first?.deadline }
}

/// First in, first out, without moving the others.
struct Queue<Element> {
    private var elements: [Element?] = []
    private var start = 0

    var count: Int { elements.count - start }
    var first: Element? { start < elements.count ? elements[start] : nil }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard start < elements.count else { return nil }
        let first = elements[start].take()
        start += 1
        if start == elements.count {
            elements.removeAll(keepingCapacity: start < 4096)
            start = 0
        } else if start >= 1024, start * 2 > elements.count {
            elements.removeFirst(start)
            start = 0
        }
        return first
    }
}
