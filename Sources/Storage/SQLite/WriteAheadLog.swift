internal import CSQLite

/// The write-ahead log of a database, in the care of the one who writes.
///
/// A commit appends pages to the log and waits until they are on the disk; a checkpoint copies them into the database
/// file, after which the log is begun anew. SQLite would do that by itself inside of commits, but says nothing when it
/// fails: the log would grow for ever, and nobody would know.
///
/// A sync that failed must not be repeated in the hope that it works: the system may have given up the pages that it was
/// about, and what it holds in its cache will never be on the disk. For commits that needs nothing: the next one writes
/// the same place of the log again. But a checkpoint counts pages as copied that an earlier one copied in part, while
/// somebody read the database; so after such a failure there is none until the server starts again, and all changes stay
/// in the log, where they are safe.
///
/// A commit that makes the file longer has the system write the file's new length too, which takes the disk and the
/// processor twice as long. So the file is lengthened ahead of the commits, with zeros, which SQLite takes for the end of
/// the log.
@safe final class WriteAheadLog {
    private let database: SQLiteConnection
    /// How many pages the log has, as of the last commit; SQLite writes it.
    private let pages: UnsafeMutablePointer<Int32>
    private let limit: Int32
    /// How long the log is when there is the next attempt.
    private var next: Int32
    private var hasFailed = false
    private var isKept = false
    /// How long the file is at least, in bytes.
    private var length: Int64 = 0
    /// By how much the file is lengthened at once, in bytes.
    private static let step: Int64 = 1 << 20
    /// What a page takes in the log, as a rule, in bytes: a header of 24, and the page.
    private static let frameSize: Int64 = 24 + 4096
    /// SQLite's files take less than 128 KiB at once.
    private static let mostAtOnce: Int64 = 1 << 16

    /// - Parameter limit: How many pages, of 4 KiB as a rule, are worth a checkpoint.
    init(of database: SQLiteConnection, limit: Int) throws(StoreError) {
        self.database = database
        self.limit = Int32(clamping: limit)
        next = self.limit
        unsafe pages = .allocate(capacity: 1)
        unsafe pages.initialize(to: 0)
        try renew()
        _ = unsafe sqlite3_wal_hook(
            database.handle,
            { pages, _, _, count in
                unsafe pages?.assumingMemoryBound(to: Int32.self).pointee = count
                return SQLITE_OK
            }, pages)
    }

    deinit {
        _ = unsafe sqlite3_wal_hook(database.handle, nil, nil)
        unsafe pages.deallocate()
    }

    /// Does what is due after a commit.
    ///
    /// - Parameter retries: Whether what failed is tried again.
    /// - Returns: Whether the log was copied into the database file, as far as nobody reads an older state.
    /// - Throws: When that failed.
    func checkpointIfDue(retries: Bool) throws(StoreError) -> Bool {
        let count = unsafe pages.pointee
        if Int64(count) * Self.frameSize + Self.step / 2 > length { lengthen() }
        if count < limit { next = limit }
        if isKept || !(hasFailed && retries || count >= next) { return false }
        // While somebody reads, it would be in vain after each commit.
        next = count + max(1, limit / 8)
        return try checkpoint(SQLITE_CHECKPOINT_PASSIVE)
    }

    /// Copies all of the log into the database file and empties it, unless somebody reads or writes meanwhile: it does
    /// not wait for them.
    ///
    /// - Returns: Whether it is empty now.
    /// - Throws: When that failed.
    func empty() throws(StoreError) -> Bool {
        if isKept { return false }
        try database.execute("PRAGMA busy_timeout = 0")
        defer { try? database.execute("PRAGMA busy_timeout = \(Store.patience)") }
        return try checkpoint(SQLITE_CHECKPOINT_TRUNCATE)
    }

    private func checkpoint(_ mode: Int32) throws(StoreError) -> Bool {
        let result = unsafe sqlite3_wal_checkpoint_v2(database.handle, "main", mode, nil, nil)
        hasFailed = result != SQLITE_OK
        if result == SQLITE_OK {
            if mode == SQLITE_CHECKPOINT_TRUNCATE { length = 0 }
            return true
        }
        let error = database.error()
        if error.isBusy { return false }
        if error.isSync {
            isKept = true
            unsafe switchboard_keep_log(database.handle)
        }
        throw error
    }

    /// Writes all of the log again where it is, and waits for the disk. An earlier process may have failed to sync it,
    /// and then it would be whole in the system's cache only, until the power is cut.
    private func renew() throws(StoreError) {
        try unsafe withFile { file, methods, size throws(StoreError) in
            var bytes = [UInt8](repeating: 0, count: Int(Self.mostAtOnce))
            var offset: Int64 = 0
            while offset < size {
                let count = Int32(min(Self.mostAtOnce, size - offset))
                let result = unsafe bytes.withUnsafeMutableBytes { buffer in
                    let result = unsafe methods.xRead(file, buffer.baseAddress, count, offset)
                    return result == SQLITE_OK ? unsafe methods.xWrite(file, buffer.baseAddress, count, offset) : result
                }
                try check(result)
                offset += Int64(count)
            }
            if size > 0 { try check(unsafe methods.xSync(file, SQLITE_SYNC_NORMAL)) }
        }
    }

    /// Puts zeros behind the end of the file. Nothing depends on them: where that fails, the next commit tells why.
    private func lengthen() {
        try? unsafe withFile { file, methods, size throws(StoreError) in
            let zeros = [UInt8](repeating: 0, count: Int(Self.mostAtOnce))
            for offset in stride(from: size, to: size + Self.step, by: zeros.count) {
                try check(
                    unsafe zeros.withUnsafeBytes {
                        unsafe methods.xWrite(file, $0.baseAddress, Int32($0.count), offset)
                    })
            }
            length = size + Self.step
        }
    }

    /// Lets `body` have the log's file, and its size in bytes, while nobody else writes there.
    private func withFile(
        _ body: (UnsafeMutablePointer<sqlite3_file>, sqlite3_io_methods, Int64) throws(StoreError) -> Void
    ) throws(StoreError) {
        try database.execute("BEGIN IMMEDIATE")
        defer { try? database.execute("ROLLBACK") }
        var file: UnsafeMutablePointer<sqlite3_file>?
        try check(unsafe sqlite3_file_control(database.handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file))
        guard let file = unsafe file, let methods = unsafe file.pointee.pMethods?.pointee else { return }
        var size: Int64 = 0
        try check(unsafe methods.xFileSize(file, &size))
        try unsafe body(file, methods, size)
    }

    private func check(_ result: Int32) throws(StoreError) {
        if result == SQLITE_OK { return }
        throw unsafe StoreError(code: result, message: String(cString: sqlite3_errstr(result)))
    }
}
