/// One connection to a database; belongs to one thread at a time.
///
/// Both kinds of database understand the same statements, but for those few that ``prepare(sqlite:postgresql:)`` is given
/// twice. A statement's parameters are `?1`, `?2` and so on.
package final class Database {
    enum Driver {
        case sqlite(SQLiteConnection)
        case postgresql(PostgreSQLConnection)
    }

    let driver: Driver
    /// Messages that are not written yet.
    private var messages: MessageBuffer?

    package enum Access { case readWrite, readOnly }

    /// Opens a database; an SQLite one is created where it is missing, for writing.
    package init(_ location: StoreLocation, _ access: Access) throws(StoreError) {
        switch location {
        case .sqlite(let path): driver = .sqlite(try SQLiteConnection(path: path, access))
        case .postgresql(let location): driver = .postgresql(try PostgreSQLConnection(location, access))
        }
    }

    /// Opens an SQLite database.
    package convenience init(path: String, _ access: Access) throws(StoreError) {
        try self.init(.sqlite(path: path), access)
    }

    /// Runs statements without parameters that return nothing.
    package func execute(_ sql: String) throws(StoreError) {
        try writeMessages()
        switch driver {
        case .sqlite(let connection): try connection.execute(sql)
        case .postgresql(let connection): try connection.execute(sql)
        }
    }

    /// Compiles a statement that is kept for many runs.
    ///
    /// - Parameter looksForMessages: Whether it may have to do with their table.
    package func prepare(_ sql: String, looksForMessages: Bool = true) throws(StoreError) -> Statement {
        try prepare(sqlite: sql, postgresql: sql, looksForMessages: looksForMessages)
    }

    /// The same, where the databases have different words for it.
    package func prepare(
        sqlite: String, postgresql: String, looksForMessages: Bool = true
    ) throws(StoreError) -> Statement {
        Statement(try compile(sqlite: sqlite, postgresql: postgresql), of: self, looksForMessages: looksForMessages)
    }

    private func compile(sqlite: String, postgresql: String) throws(StoreError) -> Statement.Driver {
        switch driver {
        case .sqlite(let connection): .sqlite(try connection.prepare(sqlite))
        case .postgresql(let connection): .postgresql(PostgreSQLStatement(postgresql, on: connection))
        }
    }

    /// Where messages are inserted.
    func bufferMessages() throws(StoreError) -> MessageBuffer {
        let insertion = try compile(sqlite: MessageBuffer.insertion, postgresql: MessageBuffer.insertion)
        let made = try MessageBuffer(insertion, sqlite)
        messages = made
        return made
    }

    /// Has messages where statements look for them.
    func writeMessages() throws(StoreError) {
        if let messages, !messages.isEmpty { try messages.write() }
    }

    /// Runs `body` in a transaction that may write; rolls back when it throws, or when the commit does.
    package func transaction<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
        switch driver {
        case .sqlite(let connection): try connection.begin()
        case .postgresql(let connection): try connection.begin()
        }
        do {
            let result = try body()
            try writeMessages()
            switch driver {
            case .sqlite(let connection): try connection.commit()
            case .postgresql(let connection): try connection.commit()
            }
            return result
        } catch {
            messages?.drop()
            switch driver {
            case .sqlite(let connection): connection.rollBack()
            case .postgresql(let connection): connection.rollBack()
            }
            throw error
        }
    }

    /// Begins to read the database as it is at the first of the reads that follow.
    func beginReading() throws(StoreError) {
        switch driver {
        case .sqlite(let connection): try connection.beginReading()
        case .postgresql(let connection): try connection.beginReading()
        }
    }

    /// Ends what ``beginReading()`` has begun.
    func endReading() {
        switch driver {
        case .sqlite(let connection): connection.endReading()
        case .postgresql(let connection): connection.rollBack()
        }
    }

    /// Whether something has begun that has not ended.
    var isInTransaction: Bool {
        switch driver {
        case .sqlite(let connection): connection.isInTransaction
        case .postgresql(let connection): connection.isInTransaction
        }
    }

    /// How many rows this connection has ever changed, as far as is known.
    var totalChanges: Int64 {
        switch driver {
        case .sqlite(let connection): connection.totalChanges
        case .postgresql(let connection): connection.totalChanges
        }
    }

    /// The connection, where the database is SQLite's.
    var sqlite: SQLiteConnection? { if case .sqlite(let connection) = driver { connection } else { nil } }
    /// The connection, where the database is PostgreSQL's.
    var postgresql: PostgreSQLConnection? {
        if case .postgresql(let connection) = driver { connection } else { nil }
    }
}
