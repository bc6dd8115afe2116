import Synchronization

/// Whether the store works, for readiness and the log.
final class StoreFailure: Sendable {
    private struct Reasons {
        /// Why changes can't be stored.
        var writing: String?
        /// Why what is stored can't be brought from the write-ahead log into the database file.
        var checkpoint: String?
    }

    private let current = Mutex(Reasons())
    private let log: Log

    init(_ log: Log) { self.log = log }

    /// In a sentence.
    var reason: String? {
        current.withLock { current in
            current.writing.map { "The store cannot write: \($0)" }
                ?? current.checkpoint.map { "The database file cannot be brought up to date: \($0)" }
        }
    }

    var stopsWriting: Bool { current.withLock { $0.writing != nil } }

    func note(_ reason: String?) {
        let before = current.withLock { current in
            defer { current.writing = reason }
            return current.writing
        }
        if let reason, before == nil { log.error("the store cannot write", ["reason": reason]) }
        if reason == nil, before != nil { log.info("the store writes again") }
    }

    func noteCheckpoint(_ reason: String?) {
        let before = current.withLock { current in
            defer { current.checkpoint = reason }
            return current.checkpoint
        }
        if let reason, before == nil {
            log.error("the database file cannot be brought up to date, the log beside it grows", ["reason": reason])
        }
        if reason == nil, before != nil { log.info("the database file is brought up to date again") }
    }
}
