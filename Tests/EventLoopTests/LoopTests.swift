import Foundation
import Synchronization
import Testing

@testable import EventLoop

/// An actor whose executor is a loop, as the server's shards are.
private actor Resident {
    private nonisolated let loop: EventLoop
    private var visits = 0

    init(on loop: EventLoop) { self.loop = loop }

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    func isOnItsLoop() -> Bool { loop.isCurrent }

    func visit() async -> Int {
        let before = visits
        visits += 1
        await Task.yield()
        return loop.isCurrent ? before : -1
    }

    /// As libuv's callbacks enter it.
    nonisolated func enter() -> Int {
        assumeIsolated {
            $0.visits += 1
            return $0.visits
        }
    }
}

private final class Rounds: Sendable {
    let count = Atomic(0)
}

@Suite struct LoopTests {
    @Test("closures run on the loop's thread, in the order of the calls")
    func submit() async {
        await withLoop { loop in
            let numbers = AsyncStream<Int>.makeStream()
            for number in 0..<1000 {
                loop.submit { numbers.continuation.yield(loop.isCurrent ? number : -1) }
            }
            loop.submit { numbers.continuation.finish() }
            #expect(await numbers.stream.reduce(into: []) { $0.append($1) } == Array(0..<1000))
            #expect(!loop.isCurrent)
        }
    }

    @Test("closures that submit more of them keep no mail waiting")
    func mailAmongClosures() async {
        await withLoop { loop in
            let (inbox, rounds) = (loop.makeInbox(of: Int.self), Rounds())
            @Sendable func goOn() {
                if rounds.count.add(1, ordering: .relaxed).newValue < 10_000 { loop.submit { goOn() } }
            }
            let seen: Int = await withCheckedContinuation { continuation in
                loop.submit {
                    loop.onEndOfTurn {
                        var mail: [Int] = []
                        inbox.drain(into: &mail)
                        if !mail.isEmpty { continuation.resume(returning: rounds.count.load(ordering: .relaxed)) }
                        return !mail.isEmpty
                    }
                    inbox.post(1)
                    goOn()
                }
            }
            #expect(seen < 3)
        }
    }

    @Test("what a closure submits runs after it, however deep")
    func nested() async {
        await withLoop { loop in
            let depth: Int = await withCheckedContinuation { continuation in
                @Sendable func descend(_ depth: Int) {
                    if depth == 100 { return continuation.resume(returning: depth) }
                    loop.submit { descend(depth + 1) }
                }
                descend(0)
            }
            #expect(depth == 100)
        }
    }

    @Test("an actor on a loop runs on its thread, also after it was suspended")
    func actors() async {
        await withLoop { loop in
            let resident = Resident(on: loop)
            #expect(await resident.isOnItsLoop())
            let visits = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<100 { group.addTask { await resident.visit() } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(visits.sorted() == Array(0..<100))
        }
    }

    @Test("a callback on the loop's thread may enter the actor at once")
    func assumeIsolated() async {
        await withLoop { loop in
            let resident = Resident(on: loop)
            let isIsolating = await onLoop(loop) {
                loop.checkIsolated()
                return loop.isIsolatingCurrentContext()
            }
            #expect(isIsolating == true)
            #expect(loop.isIsolatingCurrentContext() == false)
            #expect(await onLoop(loop) { resident.enter() } == 1)
        }
    }

    @Test("on any other thread it traps")
    func trap() async {
        await #expect(processExitsWith: .failure) {
            _ = Resident(on: EventLoop()).enter()
        }
        await #expect(processExitsWith: .failure) { EventLoop().checkIsolated() }
    }

    #if os(Linux)
        @Test("a busy loop takes turns with others, and one that has little to do interrupts them")
        func turns() async throws {
            try await withLoop { loop in
                let policy = { await onLoop(loop) { sched_getscheduler(0) } }
                #expect(await policy() == SCHED_OTHER)
                // Others may have the processor most of the time.
                for _ in 0..<1000 where await policy() == SCHED_OTHER {
                    await onLoop(loop) { loop.adjustTurns() }
                    await onLoop(loop) {
                        let end = System.microsecondsForward + 10_000
                        while System.microsecondsForward < end {}
                    }
                    await onLoop(loop) { loop.adjustTurns() }
                }
                #expect(await policy() == 3, "SCHED_BATCH")
                try await Task.sleep(for: .milliseconds(200))
                await onLoop(loop) { loop.adjustTurns() }
                #expect(await policy() == SCHED_OTHER)
            }
        }
    #endif

    @Test("loops are told apart")
    func twoLoops() async {
        await withLoop { one in
            await withLoop { other in
                #expect(await onLoop(one) { one.isCurrent && !other.isCurrent })
                #expect(await onLoop(other) { other.isCurrent && !one.isCurrent })
            }
        }
    }

    @Test("an inbox is drained at the end of a turn, whoever posts")
    func inbox() async {
        await withLoop { loop in
            let inbox = loop.makeInbox(of: Int.self)
            let received = AsyncStream<Int>.makeStream()
            loop.submit {
                var batch: [Int] = []
                loop.onEndOfTurn {
                    inbox.drain(into: &batch)
                    defer { batch = [] }
                    for number in batch { received.continuation.yield(number) }
                    return !batch.isEmpty
                }
            }
            inbox.post(1)
            loop.submit { inbox.post(2) }
            let numbers = await received.stream.prefix(2).reduce(into: []) { $0.append($1) }
            #expect(numbers.sorted() == [1, 2])
        }
    }

    @Test("a timer repeats until it is closed")
    func timer() async {
        await withLoop { loop in
            let ticks: Int = await withCheckedContinuation { continuation in
                loop.submit {
                    var ticks = 0
                    var timer: RepeatingTimer?
                    timer = RepeatingTimer(every: 1, on: loop) {
                        ticks += 1
                        guard ticks == 3 else { return }
                        timer?.close()
                        timer = nil
                        continuation.resume(returning: ticks)
                    }
                }
            }
            #expect(ticks == 3)
        }
    }

    @Test("there is at least one core")
    func cores() {
        #expect(EventLoop.idealCount >= 1)
    }
}

@Suite struct SocketAddressTests {
    @Test(
        "an address and a port are read, and shown the same way",
        arguments: [
            ("127.0.0.1:8000", "127.0.0.1:8000", true), ("0.0.0.0:0", "0.0.0.0:0", false),
            ("[::1]:8000", "[::1]:8000", true), ("[::]:65535", "[::]:65535", false),
            ("localhost:80", "127.0.0.1:80", true), ("127.1.2.3:1", "127.1.2.3:1", true),
            ("192.0.2.1:443", "192.0.2.1:443", false),
        ])
    func good(_ text: String, _ shown: String, _ isLoopback: Bool) throws {
        let address = try #require(SocketAddress(text))
        #expect(address.description == shown)
        #expect(address.isLoopback == isLoopback)
    }

    @Test(
        "the system's form is written as it was read",
        arguments: [
            "0.0.0.0", "1.20.100.9", "10.99.109.199", "127.0.0.1", "200.201.210.90", "255.255.255.255", "::1",
            "2001:db8::1:0:7",
        ])
    func system(_ host: String) throws {
        let address = try #require(SocketAddress(host.contains(":") ? "[\(host)]:1" : "\(host):1"))
        let text = unsafe address.withSocketAddress { unsafe SocketAddress.text(of: $0) }
        #expect(text == host)
    }

    @Test(
        "anything else is none",
        arguments: [
            "", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:x", "256.0.0.1:80",
            "example.org:80", "[127.0.0.1]:80", "[::1]", "::1", "[::g]:80", "LOCALHOST:80", " 127.0.0.1:80",
        ])
    func bad(_ text: String) {
        #expect(SocketAddress(text) == nil)
    }
}
