/// The database for reading only. Belongs to one thread.
package final class ReadStore {
    package let accounts: Accounts
    package let conversations: Conversations
    package let notifications: Notifications
    package let notices: Notices
    package let bulkMessages: BulkMessages
    private let database: Database

    /// Opens an SQLite database.
    package convenience init(path: String) throws(StoreError) { try self.init(.sqlite(path: path)) }

    /// - Parameter location: Of a database that a ``Store`` has opened before, so that it is of the newest version.
    package init(_ location: StoreLocation) throws(StoreError) {
        database = try Database(location, .readOnly)
        accounts = try Accounts(database)
        conversations = try Conversations(database, accounts)
        notifications = try Notifications(database)
        notices = try Notices(database)
        bulkMessages = try BulkMessages(database)
    }

    /// Runs reads that all see the database as it is at the first of them.
    package func snapshot(_ body: () -> Void) {
        // Where that fails, each read still sees what is committed.
        try? database.beginReading()
        body()
        database.endReading()
    }
}
