/// Where a store is.
package enum StoreLocation: Sendable, Equatable, CustomStringConvertible {
    /// An SQLite database, in a file.
    case sqlite(path: String)
    case postgresql(PostgreSQLLocation)

    package struct Malformed: Error {
        package let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    /// Reads `sqlite:PATH` or a URL of PostgreSQL's.
    ///
    /// - Throws: In words that repeat nothing of the text, as it may hold a password.
    package init(_ text: String) throws(Malformed) {
        let scheme = "sqlite:"
        if text.hasPrefix(scheme), text != scheme {
            self = .sqlite(path: String(text.dropFirst(scheme.count)))
        } else if PostgreSQLLocation.isURL(text) {
            self = .postgresql(try PostgreSQLLocation(url: text))
        } else {
            throw Malformed("this is no store; allowed is sqlite:PATH or postgres://USER@HOST:PORT/DATABASE")
        }
    }

    package var hasPassword: Bool { if case .postgresql(let location) = self { location.hasPassword } else { false } }

    /// Without a password.
    package var description: String {
        switch self {
        case .sqlite(let path): path
        case .postgresql(let location): location.description
        }
    }

    package var isFile: Bool { if case .sqlite = self { true } else { false } }
}
