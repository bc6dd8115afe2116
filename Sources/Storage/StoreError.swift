internal import CSQLite

/// Why the database refused.
package struct StoreError: Error, CustomStringConvertible {
    /// SQLite's extended result code.
    package let code: Int32
    package let message: String

    init(code: Int32, message: String) {
        self.code = code
        self.message = message
    }

    /// - Parameter systemError: The `errno` of the call that failed; 0 if there is none.
    init(code: Int32, message: String, systemError: Int32) {
        self.code = code
        let isOfFile = [SQLITE_IOERR, SQLITE_CANTOPEN].contains(code & 0xFF)
        let cause =
            isOfFile && systemError != 0 ? unsafe ": " + String(cString: switchboard_system_error(systemError)) : ""
        self.message = message + Self.operation(code) + cause
    }

    package var description: String { message }

    /// A unique name is taken, or a row that is referred to does not exist.
    package var isConstraint: Bool { primary == SQLITE_CONSTRAINT }
    /// Another process holds the database.
    package var isBusy: Bool { primary == SQLITE_BUSY }
    /// What was written did not reach the disk, and what the system's cache holds of it can't be trusted to do so later.
    var isSync: Bool { primary == SQLITE_IOERR && [Self.fsync, Self.folderFsync].contains(code >> 8) }
    /// Not this change is at fault but the disk or the file: the next one will hardly fare better.
    package var isOfDisk: Bool {
        [SQLITE_IOERR, SQLITE_FULL, SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PROTOCOL]
            .contains(primary)
    }

    private var primary: Int32 { code & 0xFF }

    /// What failed, where SQLite's own words are "disk I/O error" for all of it.
    private static func operation(_ code: Int32) -> String {
        if code & 0xFF != SQLITE_IOERR { return "" }
        // SQLITE_IOERR_READ and so on are macros that Swift does not import.
        return switch code >> 8 {
        case 1, 2: " while reading"
        case 3: " while writing"
        case fsync, folderFsync: " while waiting for the disk (fsync)"
        case 6: " while truncating"
        case 15, 20: " while locking"
        case 18, 19, 21: " while mapping shared memory"
        default: ""
        }
    }

    private static let fsync: Int32 = 4
    private static let folderFsync: Int32 = 5
}
