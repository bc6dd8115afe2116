import Foundation
import Storage
import Testing

/// Every operation on the disk fails once, one after the other, and whatever was acknowledged before is there after.
@Suite struct FaultTests {
    /// How often each is tried with other luck; `make soak-faults` sets it.
    static let seeds = Int(ProcessInfo.processInfo.environment["FAULT_SEEDS"] ?? "") ?? 1
    /// Each n-th operation, where one seed must do.
    static let stride = seeds > 1 ? 1 : 29

    private let template = try? TemporaryFolder()

    init() throws { try Work.makeTemplate(at: template?.database ?? "") }

    /// Tries a fault at each operation that it can meet, until the work is done without it.
    private func atEveryPoint(
        _ fault: Fault, stride: Int = Self.stride, lasting: Bool = false,
        _ body: (FaultyDisk, inout Work?, inout Ledger) throws -> Void
    ) throws {
        for seed in 0..<Self.seeds {
            var point = 1 + (seed + fault.rawValue.count) % stride
            var hasFailed = true
            while hasFailed {
                let disk = try FaultyDisk(from: template?.database, seed: seed * 100_000 + point)
                var ledger = try Ledger(disk.database)
                disk.plan(fault, point...(lasting ? Int(Int32.max) : point))
                var work: Work?
                do { work = try Work(on: disk.database) } catch let error as StoreError { expectClear(error) }
                work?.run(&ledger) { disk.isDead }
                hasFailed = disk.hasFailed
                if !lasting { disk.work() }
                for error in ledger.failures + (work?.checkpointFailures ?? []) { expectClear(error) }
                do {
                    try body(disk, &work, &ledger)
                    let complaint = try ledger.complaint(about: disk.database)
                    if let complaint { throw Unexpected(complaint) }
                } catch {
                    Issue.record("\(fault) at \(point), seed \(seed): \(error)")
                    return
                }
                point += stride
            }
            #expect(point > stride, "the fault was never met")
        }
    }

    /// The server says what happened.
    private func expectClear(_ error: StoreError) {
        #expect(!error.message.isEmpty && error.message != "not an error")
        #expect(error.isOfDisk || error.isBusy, "\(error)")
    }

    /// The next process opens the database and goes on.
    private func goOn(_ disk: FaultyDisk, _ ledger: inout Ledger) throws {
        if let complaint = try ledger.complaint(about: disk.database) { throw Unexpected(complaint) }
        let before = ledger.messages.keys.max() ?? 0
        var next: Work? = try Work(on: disk.database)
        next?.say(&ledger)
        #expect(ledger.messages.keys.max() ?? 0 > before, "an id went back")
        if try next?.finishErasing(&ledger) == true {
            for file in [disk.database, disk.database + "-wal"] {
                let content = try? Data(contentsOf: URL(filePath: file))
                #expect(content?.firstRange(of: Data(Work.newcomer.utf8)) == nil, "somebody deleted is in \(file)")
            }
        }
        next = nil
    }

    @Test("a process that dies at any operation loses nothing", arguments: [Fault.death, .torn])
    func death(_ fault: Fault) throws {
        try atEveryPoint(fault) { disk, work, ledger in
            disk.kill(&work)
            try goOn(disk, &ledger)
        }
    }

    @Test("a power cut at any operation loses nothing", arguments: [Fault.death, .torn])
    func powerCut(_ fault: Fault) throws {
        try atEveryPoint(fault) { disk, work, ledger in
            disk.cutPower(&work)
            try goOn(disk, &ledger)
        }
    }

    @Test(
        "after any operation that fails once, the work goes on",
        arguments: [Fault.write, .full, .sync, .truncate, .read, .lock, .open, .map])
    func transient(_ fault: Fault) throws {
        try atEveryPoint(
            fault, stride: fault == .sync ? 1 : [.truncate, .open, .map].contains(fault) ? 3 : Self.stride
        ) {
            disk, work, ledger in
            let failures = ledger.failures.count
            work?.say(&ledger)
            #expect(ledger.failures.count == failures, "it still fails")
            if let work { #expect(try work.remembersRightly) }
            disk.cutPower(&work)
            try goOn(disk, &ledger)
        }
    }

    @Test(
        "a disk that fails from some operation on takes nothing that was acknowledged",
        arguments: [Fault.write, .full, .sync, .truncate, .read, .lock, .open, .map])
    func lasting(_ fault: Fault) throws {
        try atEveryPoint(fault, stride: 2 * Self.stride, lasting: true) { disk, work, ledger in
            disk.cutPower(&work)
            try goOn(disk, &ledger)
        }
    }

    @Test("what a failed sync left in the system's cache is not taken for stored by the next process")
    func restart() throws {
        try atEveryPoint(.sync, stride: Self.seeds > 1 ? 1 : 3, lasting: true) { disk, work, ledger in
            disk.kill(&work)
            // What is found now is what there is: others have seen it.
            var next: Work? = try Work(on: disk.database)
            try ledger.lookAgain(disk.database)
            next?.say(&ledger)
            next?.say(&ledger)
            disk.cutPower(&next)
        }
    }

    @Test("a database whose making is cut off is made anew", arguments: [Fault.death, .torn])
    func making(_ fault: Fault) throws {
        var point = 1
        while true {
            let disk = try FaultyDisk(seed: point)
            disk.plan(fault, point...point)
            var store = try? Store(path: disk.database, logLimit: 1)
            _ = try? store?.checkpointIfDue()
            if !disk.hasFailed { break }
            if point % 2 == 0 { disk.kill(&store) } else { disk.cutPower(&store) }
            try Work.makeTemplate(at: disk.database)
            var ledger = try Ledger(disk.database)
            try goOn(disk, &ledger)
            point += Self.seeds > 1 ? 1 : 5
        }
        #expect(point > 30)
    }
}
