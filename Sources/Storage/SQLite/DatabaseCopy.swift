internal import CSQLite

/// A copy of a database as it is when the copying begins, made a piece at a time. Whoever writes to the database is not
/// held up, nor heard of: only its journal can't shrink until the copy is done.
@safe package final class DatabaseCopy {
    private let source, target: SQLiteConnection
    private let handle: OpaquePointer

    /// - Parameter target: An empty file, which is written without a journal and without waiting for the disk.
    package init(of path: String, to target: String) throws(StoreError) {
        source = try SQLiteConnection(path: path, .readOnly)
        // Held to the end: else each change of another process would begin the copy anew.
        try source.execute("BEGIN; SELECT count(*) FROM sqlite_schema")
        self.target = try SQLiteConnection(path: target, .readWrite)
        try self.target.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        guard let handle = unsafe sqlite3_backup_init(self.target.handle, "main", source.handle, "main") else {
            throw self.target.error()
        }
        unsafe self.handle = handle
    }

    deinit { unsafe sqlite3_backup_finish(handle) }

    /// Copies so many pages more.
    ///
    /// - Returns: Whether there are others.
    package func step(pages: Int) throws(StoreError) -> Bool {
        switch unsafe sqlite3_backup_step(handle, Int32(pages)) {
        case SQLITE_OK: return true
        case SQLITE_DONE: return false
        case let code: throw unsafe StoreError(code: code, message: String(cString: sqlite3_errstr(code)))
        }
    }
}
