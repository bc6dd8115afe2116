internal import CSQLite

/// Why the database refused.
package struct StoreError: Error, CustomStringConvertible {
    /// SQLite's extended result code.
    package let code: Int32
    package let message: String

    package var description: String { message }

    /// A unique name is taken, or a row that is referred to does not exist.
    package var isConstraint: Bool { code & 0xFF == SQLITE_CONSTRAINT }
    /// Another process holds the database.
    package var isBusy: Bool { code & 0xFF == SQLITE_BUSY }
}
