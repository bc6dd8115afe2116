package import Chat

/// Everything that a database holds, or all that is of one person, as lines of JSON; passwords, tokens and secrets
/// left out. docs/OPERATION.md describes the lines.
package final class Export {
    private let database: Database
    private let user: UserID?

    /// - Parameter user: Whose; `nil` for everybody's.
    package init(_ location: StoreLocation, of user: UserID?) throws(StoreError) {
        database = try Database(location, .readOnly)
        self.user = user
        // Of one moment, whatever is written meanwhile.
        try database.beginReading()
    }

    /// Hands out line after line.
    ///
    /// - Returns: How many there were.
    package func forEachLine(_ body: (String) throws -> Void) throws -> Int {
        var count = 0
        var failure: (any Error)?
        for part in user == nil ? ExportPart.all + ExportPart.common : ExportPart.all {
            let statement = try database.prepare(sqlite: part.sqlite, postgresql: part.postgresql)
            try statement.stream(SQLValue(user?.rawValue)) { row in
                do {
                    try body(Self.withoutNulls(row.text(0)))
                    count += 1
                    return true
                } catch {
                    failure = error
                    return false
                }
            }
            if let failure { throw failure }
        }
        return count
    }

    /// In JSON a null character has other words; SQLite says it by itself.
    private static func withoutNulls(_ line: String) -> String {
        if !line.utf8.contains(0) { return line }
        return String(line.unicodeScalars.flatMap { $0.value == 0 ? Array("\\u0000") : [Character($0)] })
    }
}
