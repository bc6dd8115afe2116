internal import CLibuv

/// A thread of its own for what blocks: it sleeps until messages come and handles them in batches, in order.
///
/// Public and in part inlinable for the same reason as ``Mailbox``.
public final class Worker<Message: Sendable>: Sendable {
    private let signal: Signal
    @usableFromInline let mailbox: Mailbox<Message>
    private let stopping: Mailbox<Void>
    private let ended: Signal

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - limit: How many messages may wait.
    ///   - state: What the thread owns from now on, such as a database connection.
    ///   - handle: Called on the thread with all that has queued.
    package init<State>(
        limit: Int = .max, owning state: sending State, handle: @escaping @Sendable (State, [Message]) -> Void
    ) {
        let signal = Signal()
        let ended = Signal()
        let mailbox = Mailbox<Message>(limit: limit, wake: { signal.raise() })
        let stopping = Mailbox<Void>(wake: { signal.raise() })
        self.signal = signal
        self.mailbox = mailbox
        self.stopping = stopping
        self.ended = ended
        let handoff = Handoff(state)
        startThread {
            let state = handoff.state
            // Who wakes it goes on, and more gathers for one batch.
            switchboard_take_turns(1)
            var batch: [Message] = []
            while true {
                signal.wait()
                // Read before draining: what was posted before the stop is still handled.
                let isLast = stopping.count > 0
                mailbox.drain(into: &batch)
                if !batch.isEmpty { handle(state, batch) }
                batch.removeAll(keepingCapacity: batch.capacity < 4096)
                if isLast { break }
            }
            ended.raise()
        }
    }

    private final class Handoff<State>: @unchecked Sendable {
        // Proof: the one who made the state gave it up (`sending`), and one thread takes it, once.
        let state: State

        init(_ state: State) { self.state = state }
    }

    /// Queues one message; `false` when the limit is reached.
    @discardableResult
    @inlinable public func post(_ message: Message) -> Bool { mailbox.post(message) }

    /// Queues messages whatever the limit is: for what must not be lost and comes in bounded numbers.
    @inlinable public func postAnyway(_ message: Message) {
        var messages = [message]
        mailbox.post(contentsOf: &messages)
    }

    /// Whether ``post(_:)`` would take a message.
    package var hasRoom: Bool { mailbox.count < mailbox.limit }

    /// How many messages wait.
    @inlinable public var count: Int { mailbox.count }

    /// Handles what is queued, ends the thread and waits for its end. Blocks: not for an event loop.
    package func stop() {
        stopping.post(())
        ended.wait()
    }
}

/// A counting semaphore.
@safe final class Signal: @unchecked Sendable {
    // Proof: libuv's semaphores may be used from any thread; the pointer is set once and freed with the last
    // reference.
    private let semaphore: UnsafeMutablePointer<uv_sem_t>

    init() {
        unsafe semaphore = .allocate(capacity: 1)
        let result = unsafe uv_sem_init(semaphore, 0)
        precondition(result == 0, "the system has no semaphore left")
    }

    deinit {
        unsafe uv_sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    func raise() { unsafe uv_sem_post(semaphore) }
    func wait() { unsafe uv_sem_wait(semaphore) }
}

/// Runs `body` on a new thread.
func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Start {
        let body: @Sendable () -> Void; init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = uv_thread_t()
    let start = unsafe Unmanaged.passRetained(Start(body)).toOpaque()
    let result = unsafe uv_thread_create(
        &thread,
        { unsafe Unmanaged<Start>.fromOpaque($0!).takeRetainedValue().body() },
        start)
    precondition(result == 0, "the system has no thread left")
    // Nobody joins it: ends are awaited through signals.
    pthread_detach(thread)
}
