/// Where a store is.
package enum StoreLocation: Sendable, Equatable, CustomStringConvertible {
    /// An SQLite database, in a file.
    case sqlite(path: String)
    case postgresql(PostgreSQLLocation)

    /// Without a password.
    package var description: String {
        switch self {
        case .sqlite(let path): path
        case .postgresql(let location): location.description
        }
    }

    package var isFile: Bool { if case .sqlite = self { true } else { false } }
}
