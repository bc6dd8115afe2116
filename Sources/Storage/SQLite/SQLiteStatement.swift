internal import CSQLite

/// A compiled statement of SQLite's; letting go of it finalizes it.
@safe final class SQLiteStatement {
    private let handle: OpaquePointer
    private let database: OpaquePointer

    /// - Parameter database: A connection, which closes with the last of its statements.
    @unsafe init(_ sql: String, _ database: OpaquePointer) throws(StoreError) {
        var statement: OpaquePointer?
        let result = unsafe sqlite3_prepare_v3(database, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard result == SQLITE_OK, let compiled = unsafe statement else {
            throw unsafe SQLiteConnection.error(database)
        }
        unsafe handle = compiled
        unsafe self.database = database
    }

    deinit { unsafe sqlite3_finalize(handle) }

    func run(_ values: [SQLValue]) throws(StoreError) { try run(values[...]) }

    func run(_ values: ArraySlice<SQLValue>) throws(StoreError) {
        try bind(values)
        defer { unsafe sqlite3_reset(handle) }
        while try step() {}
    }

    /// - Returns: How many rows were changed.
    func change(_ values: [SQLValue]) throws(StoreError) -> Int {
        try run(values)
        return unsafe Int(sqlite3_changes(database))
    }

    /// The id of the row that the connection has inserted last.
    var lastRow: Int64 { unsafe sqlite3_last_insert_rowid(database) }

    func first<Result>(
        _ values: [SQLValue], _ read: (Row) throws(StoreError) -> Result
    ) throws(StoreError) -> Result? {
        try bind(values[...])
        defer { unsafe sqlite3_reset(handle) }
        return try step() ? try read(row) : nil
    }

    func forEach(_ values: [SQLValue], _ read: (Row) throws(StoreError) -> Bool) throws(StoreError) {
        try bind(values[...])
        defer { unsafe sqlite3_reset(handle) }
        while try step(), try read(row) {}
    }

    private var row: Row { unsafe Row(ofSQLite: handle) }

    /// Moves to the next row; `false` after the last.
    private func step() throws(StoreError) -> Bool {
        switch unsafe sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw unsafe SQLiteConnection.error(database)
        }
    }

    private func bind(_ values: ArraySlice<SQLValue>) throws(StoreError) {
        for index in values.indices {
            let place = Int32(index - values.startIndex + 1)
            let result =
                switch values[index] {
                case .integer(let integer): unsafe sqlite3_bind_int64(handle, place, integer)
                case .text(let text):
                    unsafe text.utf8.span.withUnsafeBufferPointer { bytes in
                        unsafe bytes.withMemoryRebound(to: CChar.self) {
                            unsafe sqlite3_bind_text64(
                                handle, place, $0.baseAddress ?? Self.empty, UInt64($0.count), Self.transient,
                                UInt8(SQLITE_UTF8))
                        }
                    }
                case .blob(let blob):
                    unsafe blob.withUnsafeBytes {
                        unsafe sqlite3_bind_blob64(handle, place, $0.baseAddress, UInt64($0.count), Self.transient)
                    }
                case .null: unsafe sqlite3_bind_null(handle, place)
                }
            if result != SQLITE_OK { throw unsafe SQLiteConnection.error(database) }
        }
    }

    /// Tells SQLite to copy: `SQLITE_TRANSIENT`, a macro that Swift can't import.
    private static let transient = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    /// An empty text is not a null one.
    nonisolated(unsafe) private static let empty = unsafe UnsafePointer<CChar>(
        UnsafeMutablePointer<CChar>.allocate(capacity: 1))
}

/// A column of the row that a statement of SQLite's stands on.
@safe struct SQLiteRow {
    private let statement: OpaquePointer

    @unsafe init(_ statement: OpaquePointer) { unsafe self.statement = statement }

    func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(statement, column) }

    func text(_ column: Int32) -> String {
        guard let start = unsafe sqlite3_column_text(statement, column) else { return "" }
        let count = unsafe Int(sqlite3_column_bytes(statement, column))
        return unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    func blob(_ column: Int32) -> [UInt8] {
        guard let start = unsafe sqlite3_column_blob(statement, column) else { return [] }
        return unsafe Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
    }

    func isNull(_ column: Int32) -> Bool { unsafe sqlite3_column_type(statement, column) == SQLITE_NULL }
}
