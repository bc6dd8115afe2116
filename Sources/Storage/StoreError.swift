internal import CSQLite

/// Why the database refused.
package struct StoreError: Error, CustomStringConvertible {
    /// What is to be done about it.
    enum Kind {
        /// A unique name is taken, or a row that is referred to does not exist.
        case constraint
        /// Another process holds the database.
        case busy
        /// Not this change is at fault but the disk, the file or the server: the next one will hardly fare better.
        case disk
        /// The same, and what the system's cache holds of it can't be trusted to reach the disk later.
        case sync
        /// The connection is gone, or can't be made; nothing was changed.
        case connection
        /// The transaction was given up for another one's sake: it may be run again.
        case conflict
        /// The connection is gone, and whether the transaction was committed is not known.
        case unsettled
        case other
    }

    let kind: Kind
    package let message: String

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// Something is asked that there is only in a store which several nodes share.
    static var notShared: Self { StoreError(.other, "the store is not shared by several nodes") }

    package var description: String { message }

    /// A unique name is taken, or a row that is referred to does not exist.
    package var isConstraint: Bool { kind == .constraint }
    /// Another process holds the database.
    package var isBusy: Bool { kind == .busy }
    /// Not this change is at fault but the disk or the file: the next one will hardly fare better.
    package var isOfDisk: Bool { [.disk, .sync, .connection, .unsettled].contains(kind) }
    /// Nothing was changed, and the same changes may well be made a moment later.
    package var isPassing: Bool { kind == .connection || kind == .conflict }
    /// Whether the changes were made is not known.
    package var isUnsettled: Bool { kind == .unsettled }
    /// What was written did not reach the disk.
    var isSync: Bool { kind == .sync }
}

// MARK: - SQLite

extension StoreError {
    /// - Parameter code: SQLite's extended result code.
    init(code: Int32, message: String) { self.init(Self.kind(code), message) }

    /// - Parameter systemError: The `errno` of the call that failed; 0 if there is none.
    init(code: Int32, message: String, systemError: Int32) {
        let isOfFile = [SQLITE_IOERR, SQLITE_CANTOPEN].contains(code & 0xFF)
        let cause =
            isOfFile && systemError != 0 ? unsafe ": " + String(cString: switchboard_system_error(systemError)) : ""
        self.init(Self.kind(code), message + Self.operation(code) + cause)
    }

    private static func kind(_ code: Int32) -> Kind {
        switch code & 0xFF {
        case SQLITE_CONSTRAINT: .constraint
        case SQLITE_BUSY: .busy
        case SQLITE_IOERR: [fsync, folderFsync].contains(code >> 8) ? .sync : .disk
        case SQLITE_FULL, SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PROTOCOL: .disk
        default: .other
        }
    }

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

// MARK: - PostgreSQL

extension StoreError {
    /// - Parameter sqlState: Five characters (PostgreSQL's manual, appendix A).
    init(sqlState: String, message: String) {
        let kind: Kind =
            switch sqlState {
            // Serialization, deadlock; a plan or a lock that another session took away.
            case "40001", "40P01", "55P03": .conflict
            // The administrator or a crash ended the session, the server starts or stops, too many connections, a session
            // that was idle in a transaction for too long.
            // A table that a statement was compiled for has changed: the next connection compiles it anew.
            case "57P01", "57P02", "57P03", "53300", "25P03", "57P05", "0A000": .connection
            // In place of a server that may write, there is one that may only read now.
            case "25006": .disk
            default:
                switch sqlState.prefix(2) {
                case "08": .connection
                case "23": .constraint
                case "53", "58", "XX": .disk
                default: .other
                }
            }
        self.init(kind, message)
    }
}
