/// The database for reading only. Belongs to one thread.
package final class ReadStore {
    package let accounts: Accounts
    package let conversations: Conversations
    package let notifications: Notifications
    package let notices: Notices
    package let bulkMessages: BulkMessages

    /// - Parameter path: Of a database that a ``Store`` has opened before, so that it is of the newest version.
    package init(path: String) throws(StoreError) {
        let database = try Database(path: path, .readOnly)
        accounts = try Accounts(database)
        conversations = try Conversations(database, accounts)
        notifications = try Notifications(database)
        notices = try Notices(database)
        bulkMessages = try BulkMessages(database)
    }
}
