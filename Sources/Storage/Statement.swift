internal import CSQLite

/// What a statement's parameter can be.
package enum SQLValue: Sendable {
    case integer(Int64)
    case text(String)
    case blob([UInt8])
    case null

    package init(_ integer: Int64?) { self = integer.map(SQLValue.integer) ?? .null }
    package init(_ text: String?) { self = text.map(SQLValue.text) ?? .null }
}

/// A compiled statement, run again and again; letting go of it finalizes it.
@safe package final class Statement {
    private let handle: OpaquePointer
    private let database: Database

    /// - Parameter handle: From `sqlite3_prepare_v3`, with no other owner.
    @unsafe init(adopting handle: OpaquePointer, of database: Database) {
        unsafe self.handle = handle
        self.database = database
    }

    deinit { unsafe sqlite3_finalize(handle) }

    /// Runs a statement whose rows, if any, are of no interest.
    package func run(_ values: SQLValue...) throws(StoreError) {
        try bind(values)
        defer { unsafe sqlite3_reset(handle) }
        while try step() {}
    }

    /// The first row, or `nil`.
    package func first<Result>(_ values: SQLValue..., read: (Row) throws(StoreError) -> Result) throws(StoreError)
        -> Result?
    {
        try bind(values)
        defer { unsafe sqlite3_reset(handle) }
        return try step() ? try read(row) : nil
    }

    package func all<Result>(_ values: SQLValue..., read: (Row) throws(StoreError) -> Result) throws(StoreError)
        -> [Result]
    {
        try bind(values)
        defer { unsafe sqlite3_reset(handle) }
        var results: [Result] = []
        while try step() { results.append(try read(row)) }
        return results
    }

    /// Reads rows until `read` returns `false`.
    package func forEach(_ values: SQLValue..., read: (Row) throws(StoreError) -> Bool) throws(StoreError) {
        try bind(values)
        defer { unsafe sqlite3_reset(handle) }
        while try step(), try read(row) {}
    }

    private var row: Row { unsafe Row(of: handle) }

    /// Moves to the next row; `false` after the last.
    private func step() throws(StoreError) -> Bool {
        switch unsafe sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw database.error()
        }
    }

    private func bind(_ values: [SQLValue]) throws(StoreError) {
        for (index, value) in values.enumerated() {
            let place = Int32(index + 1)
            let result =
                switch value {
                case .integer(let integer): unsafe sqlite3_bind_int64(handle, place, integer)
                case .text(var text):
                    text.withUTF8 { bytes in
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
            if result != SQLITE_OK { throw database.error() }
        }
    }

    /// Tells SQLite to copy: `SQLITE_TRANSIENT`, a macro that Swift can't import.
    private static let transient = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    /// An empty text is not a null one.
    nonisolated(unsafe) private static let empty = unsafe UnsafePointer<CChar>(
        UnsafeMutablePointer<CChar>.allocate(capacity: 1))
}

/// The row that a statement stands on; valid until its next step.
@safe package struct Row {
    private let statement: OpaquePointer

    @unsafe init(of statement: OpaquePointer) { unsafe self.statement = statement }

    package func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(statement, column) }

    package func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }

    package func text(_ column: Int32) -> String {
        guard let start = unsafe sqlite3_column_text(statement, column) else { return "" }
        let count = unsafe Int(sqlite3_column_bytes(statement, column))
        return unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    package func blob(_ column: Int32) -> [UInt8] {
        guard let start = unsafe sqlite3_column_blob(statement, column) else { return [] }
        return unsafe Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
    }

    package func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    private func isNull(_ column: Int32) -> Bool {
        unsafe sqlite3_column_type(statement, column) == SQLITE_NULL
    }
}
