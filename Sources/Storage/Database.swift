internal import CSQLite

/// One connection to an SQLite database; belongs to one thread at a time.
@safe package final class Database {
    let handle: OpaquePointer

    package enum Access { case readWrite, readOnly }

    /// Opens a database; for writing, it is created where it is missing.
    package init(path: String, _ access: Access) throws(StoreError) {
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

    deinit { unsafe sqlite3_close_v2(handle) }

    /// Runs statements that return nothing.
    package func execute(_ sql: String) throws(StoreError) {
        if unsafe sqlite3_exec(handle, sql, nil, nil, nil) != SQLITE_OK { throw error() }
    }

    /// Compiles a statement that is kept for many runs.
    package func prepare(_ sql: String) throws(StoreError) -> Statement {
        var statement: OpaquePointer?
        let result = unsafe sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard result == SQLITE_OK, let compiled = unsafe statement else { throw error() }
        return unsafe Statement(adopting: compiled, of: self)
    }

    /// Runs `body` between `BEGIN IMMEDIATE` and `COMMIT`; rolls back when either throws.
    package func transaction<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
        try transaction(Transaction(self), body)
    }

    /// The same with statements that were compiled before.
    func transaction<Result>(
        _ transaction: Transaction, _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try transaction.begin.run()
        do {
            let result = try body()
            try transaction.commit.run()
            return result
        } catch {
            // SQLite has rolled back by itself after some errors; then there is nothing left to do.
            if unsafe sqlite3_get_autocommit(handle) == 0 { try? execute("ROLLBACK") }
            throw error
        }
    }

    /// What begins and ends a transaction.
    struct Transaction {
        let begin, commit: Statement

        init(_ database: Database) throws(StoreError) {
            begin = try database.prepare("BEGIN IMMEDIATE")
            commit = try database.prepare("COMMIT")
        }
    }

    package var lastInsertedRow: Int64 { unsafe sqlite3_last_insert_rowid(handle) }
    package var changedRows: Int { unsafe Int(sqlite3_changes(handle)) }

    func error() -> StoreError {
        unsafe StoreError(
            code: sqlite3_extended_errcode(handle), message: String(cString: sqlite3_errmsg(handle)))
    }
}
