/// What a statement's parameter can be.
package enum SQLValue: Sendable, Equatable {
    case integer(Int64)
    case text(String)
    case blob([UInt8])
    case null

    package init(_ integer: Int64?) { self = integer.map(SQLValue.integer) ?? .null }
    package init(_ text: String?) { self = text.map(SQLValue.text) ?? .null }
}

/// A compiled statement, run again and again.
package final class Statement {
    enum Driver {
        case sqlite(SQLiteStatement)
        case postgresql(PostgreSQLStatement)

        func run(_ values: ArraySlice<SQLValue>) throws(StoreError) {
            switch self {
            case .sqlite(let statement): try statement.run(values)
            case .postgresql(let statement): try statement.run(Array(values))
            }
        }
    }

    private let driver: Driver
    /// Open for as long as its statements are in use.
    private let database: Database
    private let looksForMessages: Bool

    init(_ driver: Driver, of database: Database, looksForMessages: Bool) {
        self.driver = driver
        self.database = database
        self.looksForMessages = looksForMessages
    }

    /// To be run now: the messages that it may look for are where it looks.
    private var ready: Driver {
        get throws(StoreError) {
            if looksForMessages { try database.writeMessages() }
            return driver
        }
    }

    /// Runs a statement whose rows, if any, are of no interest. In a transaction on PostgreSQL it is on its way when this
    /// returns; what comes of it is known with the next statement that is waited for, or at the commit.
    package func run(_ values: SQLValue...) throws(StoreError) { try run(all: values) }

    func run(all values: [SQLValue]) throws(StoreError) {
        try ready.run(values[...])
    }

    /// Runs a statement that changes rows.
    ///
    /// - Returns: How many.
    package func change(_ values: SQLValue...) throws(StoreError) -> Int {
        switch try ready {
        case .sqlite(let statement): try statement.change(values)
        case .postgresql(let statement): try statement.change(values)
        }
    }

    /// Inserts a row, by a statement that returns its id.
    package func insert(_ values: SQLValue...) throws(StoreError) -> Int64 {
        let read = { (row: Row) in row.integer(0) }
        let id =
            switch try ready {
            case .sqlite(let statement): try statement.first(values, read)
            case .postgresql(let statement): try statement.first(values, read)
            }
        guard let id else { throw StoreError(code: 1, message: "nothing was inserted") }
        return id
    }

    /// The first row, or `nil`.
    package func first<Result>(_ values: SQLValue..., read: (Row) throws(StoreError) -> Result) throws(StoreError)
        -> Result?
    {
        switch try ready {
        case .sqlite(let statement): try statement.first(values, read)
        case .postgresql(let statement): try statement.first(values, read)
        }
    }

    package func all<Result>(_ values: SQLValue..., read: (Row) throws(StoreError) -> Result) throws(StoreError)
        -> [Result]
    {
        var results: [Result] = []
        try forEach(all: values) { row throws(StoreError) in
            results.append(try read(row))
            return true
        }
        return results
    }

    /// Reads rows until `read` returns `false`; `read` may use the database itself.
    package func forEach(_ values: SQLValue..., read: (Row) throws(StoreError) -> Bool) throws(StoreError) {
        try forEach(all: values, read)
    }

    func forEach(all values: [SQLValue], _ read: (Row) throws(StoreError) -> Bool) throws(StoreError) {
        switch try ready {
        case .sqlite(let statement): try statement.forEach(values, read)
        case .postgresql(let statement): try statement.forEach(values, read)
        }
    }

    /// Reads any number of rows, which are not held in memory, until `read` returns `false`. `read` must not use the
    /// database.
    package func stream(_ values: SQLValue..., read: (Row) throws(StoreError) -> Bool) throws(StoreError) {
        switch try ready {
        case .sqlite(let statement): try statement.forEach(values, read)
        case .postgresql(let statement): try statement.stream(values, read)
        }
    }
}

/// A row of what a statement found; valid until `read` returns.
@safe package struct Row {
    private enum Driver {
        case sqlite(SQLiteRow)
        case postgresql(PostgreSQLRow)
    }

    private let driver: Driver

    @unsafe init(ofSQLite statement: OpaquePointer) { driver = .sqlite(unsafe SQLiteRow(statement)) }
    init(_ row: PostgreSQLRow) { driver = .postgresql(row) }

    package func integer(_ column: Int32) -> Int64 {
        switch driver {
        case .sqlite(let row): row.integer(column)
        case .postgresql(let row): row.integer(column)
        }
    }

    package func text(_ column: Int32) -> String {
        switch driver {
        case .sqlite(let row): row.text(column)
        case .postgresql(let row): row.text(column)
        }
    }

    package func blob(_ column: Int32) -> [UInt8] {
        switch driver {
        case .sqlite(let row): row.blob(column)
        case .postgresql(let row): row.blob(column)
        }
    }

    package func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }
    package func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    func isNull(_ column: Int32) -> Bool {
        switch driver {
        case .sqlite(let row): row.isNull(column)
        case .postgresql(let row): row.isNull(column)
        }
    }
}
