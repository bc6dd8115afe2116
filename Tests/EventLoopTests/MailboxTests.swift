import Dispatch
import EventLoop
import Synchronization
import Testing

@Suite struct MailboxTests {
    private final class Bell: Sendable {
        private let rings = Atomic(0)

        func ring() { rings.add(1, ordering: .sequentiallyConsistent) }
        var count: Int { rings.load(ordering: .sequentiallyConsistent) }
    }

    private let bell = Bell()

    private func mailbox(limit: Int = .max) -> Mailbox<Int> {
        let bell = bell
        return Mailbox(limit: limit) { bell.ring() }
    }

    private func drained(_ mailbox: Mailbox<Int>) -> [Int] {
        var batch: [Int] = []
        mailbox.drain(into: &batch)
        return batch
    }

    @Test("messages come out in order, all at once, with one wake-up for each batch")
    func order() {
        let mailbox = mailbox()
        for number in 1...3 { mailbox.post(number) }
        var batch1 = [4, 5]
        mailbox.post(contentsOf: &batch1)
        #expect(batch1.isEmpty)
        #expect(mailbox.count == 5)
        #expect(bell.count == 1)
        #expect(drained(mailbox) == [1, 2, 3, 4, 5])
        #expect(mailbox.count == 0)
        #expect(drained(mailbox) == [])
        var batch2 = [Int]()
        mailbox.post(contentsOf: &batch2)
        #expect(batch2.isEmpty)
        #expect(bell.count == 1)
        var batch3 = [6]
        mailbox.post(contentsOf: &batch3)
        #expect(batch3.isEmpty)
        #expect(bell.count == 2)
        #expect(drained(mailbox) == [6])
    }

    @Test("a full mailbox refuses, but not what was accepted before")
    func limit() {
        let mailbox = mailbox(limit: 2)
        #expect([1, 2, 3].map(mailbox.post) == [true, true, false])
        var batch4 = [4, 5]
        mailbox.post(contentsOf: &batch4)
        #expect(batch4.isEmpty)
        #expect(!mailbox.post(6))
        #expect(drained(mailbox) == [1, 2, 4, 5])
        #expect(mailbox.post(7))
        #expect(drained(mailbox) == [7])
    }

    @Test("many threads lose nothing, and each keeps its order")
    func threads() {
        let mailbox = mailbox()
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for number in 0..<1000 { mailbox.post(thread * 1000 + number) }
        }
        let numbers = drained(mailbox)
        #expect(numbers.sorted() == Array(0..<8000))
        for thread in 0..<8 {
            let own = numbers.filter { $0 / 1000 == thread }
            #expect(own == own.sorted())
        }
    }
}

@Suite struct WorkerTests {
    /// What a worker handled; belongs to its thread until that ends.
    private final class Record: Sendable {
        private let numbers = Mutex<[Int]>([])

        func append(_ batch: [Int]) { numbers.withLock { $0 += batch } }
        var all: [Int] { numbers.withLock { $0 } }
    }

    @Test("everything that was posted before the stop is handled, in order", arguments: [0, 1, 10_000])
    func stop(_ count: Int) {
        let record = Record()
        let worker = Worker<Int>(owning: record) { record, batch in record.append(batch) }
        for number in 0..<count { worker.post(number) }
        worker.stop()
        #expect(record.all == Array(0..<count))
    }

    @Test("what is posted while the worker is busy waits up to the limit, and the rest comes in one batch")
    func limit() {
        let record = Record()
        let started = DispatchSemaphore(value: 0)
        let go = DispatchSemaphore(value: 0)
        let worker = Worker<Int>(limit: 3, owning: ()) { _, batch in
            record.append(batch + [-1])
            if batch == [0] {
                started.signal()
                go.wait()
            }
        }
        worker.post(0)
        started.wait()
        #expect([1, 2, 3, 4].map(worker.post) == [true, true, true, false])
        worker.postAnyway(5)
        #expect(worker.count == 4)
        go.signal()
        worker.stop()
        #expect(record.all == [0, -1, 1, 2, 3, 5, -1])
    }

    @Test("the state is owned by one thread, which is not the caller's")
    func state() {
        final class Owned {
            var sum = 0
        }
        let record = Record()
        let worker = Worker<Int>(owning: Owned()) { owned, batch in
            owned.sum += batch.reduce(0, +)
            record.append([owned.sum])
        }
        for number in 1...100 { worker.post(number) }
        worker.stop()
        #expect(record.all.last == 5050)
    }
}
