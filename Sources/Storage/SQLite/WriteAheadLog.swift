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
@safe final class WriteAheadLog {
    private let database: SQLiteConnection
    /// How many pages the log has, as of the last commit; SQLite writes it.
    private let pages: UnsafeMutablePointer<Int32>
    private let limit: Int32
    /// How long the log is when there is the next attempt.
    private var next: Int32
    private var hasFailed = false
    private var isKept = false

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
        if result == SQLITE_OK { return true }
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
        try database.execute("BEGIN IMMEDIATE")
        defer { try? database.execute("ROLLBACK") }
        var file: UnsafeMutablePointer<sqlite3_file>?
        try check(unsafe sqlite3_file_control(database.handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file))
        guard let file = unsafe file, let methods = unsafe file.pointee.pMethods?.pointee else { return }
        var size: Int64 = 0
        try check(unsafe methods.xFileSize(file, &size))
        // SQLite's files take less than 128 KiB at once.
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var offset: Int64 = 0
        while offset < size {
            let count = Int32(min(Int64(bytes.count), size - offset))
            let result = unsafe bytes.withUnsafeMutableBytes { buffer in
                let result = unsafe methods.xRead(file, buffer.baseAddress, count, offset)
                return result == SQLITE_OK ? unsafe methods.xWrite(file, buffer.baseAddress, count, offset) : result
            }
            try check(result)
            offset += Int64(count)
        }
        if size > 0 { try check(unsafe methods.xSync(file, SQLITE_SYNC_NORMAL)) }
    }

    private func check(_ result: Int32) throws(StoreError) {
        if result == SQLITE_OK { return }
        throw unsafe StoreError(code: result, message: String(cString: sqlite3_errstr(result)))
    }
}
