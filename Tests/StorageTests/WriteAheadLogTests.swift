import Foundation
import Testing

@testable import Storage

@Suite struct WriteAheadLogTests {
    private static let step = 1 << 20

    private func length(of folder: TemporaryFolder) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: folder.database + "-wal")[.size] as? Int)
    }

    /// One commit of some pages, and what the writer does after it.
    private func commit(_ number: Int, to store: Store) throws {
        try store.transaction { () throws(StoreError) in
            _ = try store.secret("\(number)", orFresh: [UInt8](repeating: 1, count: 4000))
        }
        _ = try store.checkpointIfDue()
    }

    @Test("the log's file is lengthened ahead of the commits, a MiB at a time, and hardly any commit does it itself")
    func lengthening() throws {
        let folder = try TemporaryFolder()
        let store = try Store(path: folder.database, logLimit: Store.logLimit)
        try commit(0, to: store)
        var lengths = [try length(of: folder)]
        for number in 1...600 {
            try commit(number, to: store)
            let length = try length(of: folder)
            if length != lengths.last { lengths.append(length) }
        }
        #expect((5...20).contains(lengths.count))
        #expect(zip(lengths, lengths.dropFirst()).allSatisfy { $1 - $0 == Self.step })
    }

    @Test("what was committed is found behind a power cut, and nothing in the zeros after it")
    func recovery() throws {
        let (folder, copy) = (try TemporaryFolder(), try TemporaryFolder())
        let store = try Store(path: folder.database, logLimit: Store.logLimit)
        for number in 1...100 { try commit(number, to: store) }
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: folder.database + suffix, toPath: copy.database + suffix)
        }
        #expect(try length(of: copy) >= Self.step)
        let database = try Database(path: copy.database, .readWrite)
        let count = try database.prepare("SELECT count(*) FROM secrets WHERE length(value) = 4000")
        #expect(try count.first { $0.integer(0) } == 100)
    }

    @Test("a log that was emptied is lengthened anew")
    func emptying() throws {
        let folder = try TemporaryFolder()
        let store = try Store(path: folder.database, logLimit: Store.logLimit)
        try commit(1, to: store)
        #expect(try store.log?.empty() == true)
        #expect(try length(of: folder) == 0)
        try commit(2, to: store)
        #expect(try length(of: folder) > Self.step)
    }
}
