/// Keeps a second server off a database. The lock is SQLite's own, on a file beside the database, so that it ends
/// with the process however that ends, and other commands may use the database meanwhile.
package final class StoreLock {
    private let file: Database

    /// - Throws: ``StoreError/isBusy`` when a server runs on the database.
    package init(databasePath: String) throws(StoreError) {
        file = try Database(path: databasePath + ".lock", .readWrite)
        try file.execute("PRAGMA busy_timeout = 500")
        try file.execute("BEGIN EXCLUSIVE")
    }
}
