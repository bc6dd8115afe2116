internal import CLibuv
import TLS

/// One thread that waits for input and output, and runs what belongs to it: a libuv loop as a `SerialExecutor`.
///
/// What lives on a loop (streams, timers, the actor that owns them) is touched by its thread only. A turn of the
/// loop is: timers, then input, then ``endTurn()``, which looks at what of it is left, runs jobs, looks into the inboxes, and
/// writes what the streams have gathered, so that everything that became ready in one turn leaves together.
@safe package final class EventLoop: SerialExecutor, @unchecked Sendable {
    // Proof: `jobs`, `wakeUp` and `ended` are made for any thread; all else is touched by the loop's own thread
    // only, which ``Handle`` and ``onEndOfTurn(_:)`` check.

    let raw: UnsafeMutablePointer<uv_loop_t>
    private let wakeUp: WakeUp
    private let jobs: Mailbox<Job>
    private let ended = Signal()

    private var batch: [Job] = []
    private var inboxes: [() -> Bool] = []
    // Unchecked, here and below: a change is an addition or a swap, which calls nothing that could come back.
    @safe @exclusivity(unchecked) private var unflushed = Unflushed()
    private var flushing = Unflushed()
    /// 0 until it was asked for in this turn.
    private var clock: UInt64 = 0
    /// What the streams have read, written, and not written yet, in bytes.
    @safe @exclusivity(unchecked) var bytesRead = 0, bytesWritten = 0
    @safe @exclusivity(unchecked) package internal(set) var bytesWaiting = 0
    private var turns = 0
    /// Whether the rest of what there is to do waits for the next turn; see ``endTurnSoon()``.
    @safe @exclusivity(unchecked) package private(set) var isTurnOver = false
    private var takesTurns = false
    /// When that was looked at, in microseconds, and what the thread had had of a processor, in nanoseconds.
    private var adjusted: (at: UInt64, had: UInt64) = (0, 0)

    /// Where every stream of this loop reads into: only what is incomplete is kept elsewhere.
    let input: Input
    /// Where small frames for one receiver are put together for one write, or those of many for ``SendBatch``: until that
    /// has sent, nobody else writes there.
    let gatherBuffer: UnsafeMutableBufferPointer<UInt8>
    private let sendBatch: SendBatch?
    /// What the TLS sessions of this loop work through. Its ciphertext is never more than one gathered piece's.
    private(set) lazy var tlsPipe = TLSPipe()

    private enum Job: Sendable {
        case resume(UnownedJob)
        case run(@Sendable () -> Void)
    }

    /// How many loops this process should run: one for each core that it may use.
    package static var idealCount: Int { Int(uv_available_parallelism()) }

    /// Starts a loop on a thread of its own.
    ///
    /// - Parameter usesBatches: Whether many streams are read from or written to by one system call, where the system has one.
    package init(usesBatches: Bool = true) {
        unsafe raw = .allocate(capacity: 1)
        unsafe gatherBuffer = .allocate(capacity: TLSPipe.largestRead)
        input = Input(readsInBatches: usesBatches)
        sendBatch = unsafe usesBatches ? SendBatch(gatheringIn: gatherBuffer) : nil
        let result = unsafe uv_loop_init(raw)
        precondition(result == 0, "the system has no descriptor left for an event loop")
        let wakeUp = unsafe WakeUp(raw)
        self.wakeUp = wakeUp
        jobs = Mailbox { wakeUp.send() }
        let started = Signal()
        startThread { [self] in
            wakeUp.adoptThread()
            started.raise()
            run()
        }
        started.wait()
    }

    private func run() {
        let before = TurnEnd(.prepare, on: self)
        let after = TurnEnd(.check, on: self)
        unsafe uv_run(raw, UV_RUN_DEFAULT)
        _ = (before, after)
        unsafe uv_loop_close(raw)
        unsafe raw.deallocate()
        unsafe gatherBuffer.deallocate()
        inboxes = []
        ended.raise()
    }

    /// Whether the caller runs on this loop's thread.
    package var isCurrent: Bool { wakeUp.isCurrent }

    /// Milliseconds on a clock that only goes forward, as of the start of this turn. On the loop's thread only.
    package var now: UInt64 { unsafe uv_now(raw) }

    /// Microseconds on a clock that only goes forward, as of the first call in this turn. On the loop's thread only.
    package var microseconds: UInt64 {
        if clock == 0 { clock = System.microsecondsForward }
        return clock
    }

    /// What the loop has done since it started. On its thread only.
    package var work: LoopWork {
        LoopWork(
            turns: turns, bytesRead: bytesRead, bytesWritten: bytesWritten, bytesWaiting: bytesWaiting,
            processorNanoseconds: switchboard_thread_nanoseconds())
    }

    /// Has a loop that was busy since the last call wait for its turn when it is woken, instead of interrupting who runs on
    /// its core: who sends to it goes on, and more gathers for a turn. One that has little to do answers at once. For loops
    /// on all cores; to be called now and then, on the loop's thread.
    package func adjustTurns() {
        // As of now: a turn may have taken long.
        let (time, had) = (System.microsecondsForward, switchboard_thread_nanoseconds())
        let isBusy = had - adjusted.had > (time - adjusted.at) * 1000 / Self.busyShare
        adjusted = (time, had)
        if isBusy == takesTurns { return }
        takesTurns = isBusy
        switchboard_take_turns(isBusy ? 1 : 0)
    }

    /// A loop is busy that has more than one of so many parts of the time.
    private static let busyShare: UInt64 = 4

    /// Runs `body` on the loop's thread, in the order of the calls.
    package func submit(_ body: @escaping @Sendable () -> Void) { jobs.post(.run(body)) }

    /// Makes a mailbox whose messages end the loop's wait; its reader drains it from ``onEndOfTurn(_:)``.
    package func makeInbox<Message: Sendable>(of type: Message.Type = Message.self) -> Mailbox<Message> {
        let wakeUp = wakeUp
        return Mailbox { wakeUp.send() }
    }

    /// Calls `drain` at the end of every turn; it answers whether there was anything to do. On the loop's thread.
    package func onEndOfTurn(_ drain: @escaping () -> Bool) {
        precondition(isCurrent)
        inboxes.append(drain)
    }

    /// Closes whatever is still open, ends the thread and waits for its end. Not from the loop's own thread.
    package func stop() {
        precondition(!isCurrent)
        submit { [self] in
            unsafe uv_walk(
                raw,
                { handle, _ in
                    // The wake-up's handle is the only one without an owner.
                    guard unsafe uv_is_closing(handle) == 0, unsafe uv_handle_get_data(handle) != nil else { return }
                    unsafe Handle.of(handle, as: Handle.self).close()
                },
                nil)
            wakeUp.close()
        }
        ended.wait()
    }

    // MARK: - The end of a turn

    func setUnflushed(_ stream: SocketStream) { unflushed.add(stream) }

    /// Has this turn end as soon as what was sent is written, as there is a lot of it: whoever receives it is to have time to
    /// read, and whoever sends something to be read, before more is done.
    package func endTurnSoon() { isTurnOver = true }

    fileprivate func endTurn() {
        input.look()
        finishTurn()
        clock = 0
        turns += 1
    }

    private func finishTurn() {
        isTurnOver = false
        // Work makes work; after some rounds input gets its turn again.
        for _ in 0..<8 where !isTurnOver {
            let (ranJobs, readMail) = (runJobs(), drainInboxes())
            if !ranJobs, !readMail, unflushed.isEmpty { return }
            swap(&flushing, &unflushed)
            flushing.flush(through: sendBatch)
        }
        wakeUp.sendAnyway()
    }

    private func runJobs() -> Bool {
        jobs.drain(into: &batch)
        if batch.isEmpty { return false }
        for job in batch {
            switch job {
            case .resume(let job): unsafe job.runSynchronously(on: asUnownedSerialExecutor())
            case .run(let body): body()
            }
        }
        batch.removeAll(keepingCapacity: true)
        return true
    }

    private func drainInboxes() -> Bool {
        var any = false
        for drain in inboxes where drain() { any = true }
        return any
    }

    // MARK: - SerialExecutor

    package func enqueue(_ job: consuming ExecutorJob) { jobs.post(.resume(UnownedJob(job))) }

    package func isIsolatingCurrentContext() -> Bool? { isCurrent }

    package func checkIsolated() { precondition(isCurrent, "not on the thread of this event loop") }
}

/// What a loop has done since it started.
package struct LoopWork: Sendable {
    /// How often it did what there was to do: before and after each wait.
    package let turns: Int
    package let bytesRead, bytesWritten: Int
    /// What was sent and the kernel has not taken yet, with what keeping it costs.
    package let bytesWaiting: Int
    /// What its thread has had of a processor.
    package let processorNanoseconds: UInt64
}

/// Ends the turn after the timers (`prepare`, before the wait) and after the input (`check`).
private final class TurnEnd: Handle {
    enum Moment { case prepare, check }

    init(_ moment: Moment, on loop: EventLoop) {
        switch moment {
        case .prepare:
            unsafe super.init(size: MemoryLayout<uv_prepare_t>.size, on: loop)
            let handle = unsafe raw.assumingMemoryBound(to: uv_prepare_t.self)
            unsafe uv_prepare_init(loop.raw, handle)
            unsafe uv_prepare_start(handle) { unsafe Handle.of($0, as: TurnEnd.self).loop.endTurn() }
        case .check:
            unsafe super.init(size: MemoryLayout<uv_check_t>.size, on: loop)
            let handle = unsafe raw.assumingMemoryBound(to: uv_check_t.self)
            unsafe uv_check_init(loop.raw, handle)
            unsafe uv_check_start(handle) { unsafe Handle.of($0, as: TurnEnd.self).loop.endTurn() }
        }
        adopt()
    }
}
