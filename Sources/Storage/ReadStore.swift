/// The database for reading only. Belongs to one thread.
package final class ReadStore {
    package let accounts: Accounts
    package let conversations: Conversations
    package let notifications: Notifications
    package let notices: Notices
    package let bulkMessages: BulkMessages
    /// Where several nodes write to the store.
    let personsMissed: PersonsMissedStatements?
    let missedStatements: MissedStatements?
    private let database: Database

    /// Opens an SQLite database.
    package convenience init(path: String) throws(StoreError) { try self.init(.sqlite(path: path)) }

    /// - Parameter location: Of a database that a ``Store`` has opened before, so that it is of the newest version.
    package init(_ location: StoreLocation) throws(StoreError) {
        let database = try Database(location, .readOnly)
        // What else is read often the system has in its own cache: SQLite's 2 MB for each reader would be a second one.
        try database.sqlite?.execute("PRAGMA cache_size = -512")
        self.database = database
        accounts = try Accounts(database)
        conversations = try Conversations(database, accounts)
        notifications = try Notifications(database)
        notices = try Notices(database)
        bulkMessages = try BulkMessages(database)
        personsMissed = try database.postgresql.map { _ throws(StoreError) in try PersonsMissedStatements(database) }
        missedStatements = try database.postgresql.map { _ throws(StoreError) in try MissedStatements(database) }
    }

    /// Runs reads that all see the database as it is at the first of them.
    package func snapshot(_ body: () -> Void) {
        // Where that fails, each read still sees what is committed.
        try? database.beginReading()
        body()
        database.endReading()
    }

    /// The same for reads that would be worth nothing of several moments; also within ``snapshot(_:)``.
    func atOneMoment<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
        if database.isInTransaction { return try body() }
        try database.beginReading()
        defer { database.endReading() }
        return try body()
    }
}
