internal import CSQLite

/// One connection to an SQLite database; belongs to one thread at a time.
@safe final class SQLiteConnection {
    let handle: OpaquePointer
    /// What begins and ends transactions, compiled when first it is needed.
    private var transaction: (begin: SQLiteStatement, beginReading: SQLiteStatement, commit: SQLiteStatement)?

    /// Sets the library up, once. Where somebody else has used it before, it stays as it is.
    private static let setUp: Void = { _ = switchboard_count_no_memory() }()

    /// Opens a database; for writing, it is created where it is missing.
    init(path: String, _ access: Database.Access) throws(StoreError) {
        Self.setUp
        var handle: OpaquePointer?
        let flags = access == .readWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY
        // No mutex: a connection never leaves its thread while it is in use.
        let result = unsafe sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_NOMUTEX, nil)
        guard let opened = unsafe handle else {
            throw StoreError(code: SQLITE_NOMEM, message: "out of memory")
        }
        guard result == SQLITE_OK else {
            let message = unsafe String(cString: sqlite3_errmsg(opened))
            unsafe sqlite3_close_v2(opened)
            throw StoreError(code: result, message: "\(path): \(message)")
        }
        unsafe self.handle = opened
        unsafe sqlite3_extended_result_codes(opened, 1)
        unsafe sqlite3_busy_timeout(opened, 5000)
    }

    deinit {
        transaction = nil
        unsafe sqlite3_close_v2(handle)
    }

    func execute(_ sql: String) throws(StoreError) {
        if unsafe sqlite3_exec(handle, sql, nil, nil, nil) != SQLITE_OK { throw error() }
    }

    func prepare(_ sql: String) throws(StoreError) -> SQLiteStatement {
        try unsafe SQLiteStatement(sql, handle)
    }

    // MARK: - Transactions

    var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }

    private func statements() throws(StoreError)
        -> (begin: SQLiteStatement, beginReading: SQLiteStatement, commit: SQLiteStatement)
    {
        if let transaction { return transaction }
        let made = (try prepare("BEGIN IMMEDIATE"), try prepare("BEGIN"), try prepare("COMMIT"))
        transaction = made
        return made
    }

    func begin() throws(StoreError) { try statements().begin.run([]) }

    func beginReading() throws(StoreError) { try statements().beginReading.run([]) }

    func commit() throws(StoreError) { try statements().commit.run([]) }

    /// After some errors SQLite has done so by itself; then there is nothing left to do.
    func rollBack() { if isInTransaction { try? execute("ROLLBACK") } }

    func endReading() { try? commit() }

    var totalChanges: Int64 { unsafe sqlite3_total_changes64(handle) }

    func error() -> StoreError { unsafe Self.error(handle) }

    @unsafe static func error(_ handle: OpaquePointer) -> StoreError {
        unsafe StoreError(
            code: sqlite3_extended_errcode(handle), message: String(cString: sqlite3_errmsg(handle)),
            systemError: sqlite3_system_errno(handle))
    }
}
