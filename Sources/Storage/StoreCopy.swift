/// Moves all that one store holds into another one, which must be empty, with all ids, and compares the two row by row.
///
/// It is one transaction on either side: the copy is of one moment, and if it breaks, nothing of it is there.
package final class StoreCopy {
    private let source, target: Database

    package struct Different: Error, CustomStringConvertible {
        package let description: String
    }

    /// - Throws: Where one of them can't be opened, or the source is not of this program's version, or the target is newer.
    package init(from source: StoreLocation, to target: StoreLocation) throws(StoreError) {
        try Database.requireNewestVersion(source)
        self.source = try Database(source, .readOnly)
        // Makes its tables.
        _ = try Store(target)
        try Database.requireNewestVersion(target)
        self.target = try Database(target, .readWrite)
    }

    /// - Parameter progress: Called for each table, with how many rows were copied, and again when they were compared.
    /// - Returns: How many rows there are.
    package func run(progress: (_ table: String, _ rows: Int, _ isCompared: Bool) -> Void) throws -> Int {
        try source.beginReading()
        defer { source.endReading() }
        var failure: (any Error)?
        var total = 0
        do {
            try target.transaction { () throws(StoreError) in
                for table in CopiedTable.all where try isFilled(table) {
                    throw StoreError(.other, "it is not empty: there is something in \(table.name)")
                }
                for table in CopiedTable.all {
                    let count = try copy(table)
                    total += count
                    progress(table.name, count, false)
                }
                try finish()
                do {
                    for table in CopiedTable.all { progress(table.name, try compare(table), true) }
                } catch {
                    failure = error
                    throw StoreError(.other, "\(error)")
                }
            }
        } catch {
            throw failure ?? error
        }
        return total
    }

    private func isFilled(_ table: CopiedTable) throws(StoreError) -> Bool {
        if table.hasOneRow {
            return try target.prepare("SELECT \(table.columns[0].name) FROM \(table.name)").first { $0.integer(0) } != 0
        }
        return try target.prepare("SELECT 1 FROM \(table.name) LIMIT 1").first { _ in true } ?? false
    }

    private func copy(_ table: CopiedTable) throws(StoreError) -> Int {
        if table.hasOneRow { try target.execute("DELETE FROM \(table.name)") }
        let insert = try target.prepare(table.insert)
        var count = 0
        try source.prepare(table.select).stream { row throws(StoreError) in
            try insert.run(all: table.values(of: row))
            count += 1
            return true
        }
        return count
    }

    /// What is not copied but follows from it.
    private func finish() throws(StoreError) {
        for table in CopiedTable.all where table.givesIDs {
            let last = try lastID(of: table)
            if target.sqlite != nil {
                try target.prepare("DELETE FROM sqlite_sequence WHERE name = ?1").run(.text(table.name))
                try target.prepare("INSERT INTO sqlite_sequence VALUES (?1, ?2)").run(.text(table.name), .integer(last))
            } else if last > 0 {
                try target.prepare("SELECT setval('\(table.name)_id_seq', ?1)").run(.integer(last))
            }
        }
        if target.sqlite != nil {
            try target.execute(FiledMessages.fileAll)
        } else {
            try target.execute(PostgreSQLSchema.setNotificationID)
        }
    }

    /// The last id that the source has given, to a row that may be gone.
    private func lastID(of table: CopiedTable) throws(StoreError) -> Int64 {
        let statement = try source.prepare(
            sqlite: "SELECT seq FROM sqlite_sequence WHERE name = '\(table.name)'",
            postgresql: "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM \(table.name)_id_seq")
        return try statement.first { $0.integer(0) } ?? 0
    }

    /// - Returns: How many rows there are.
    /// - Throws: ``Different``, with the first row that is not the same.
    private func compare(_ table: CopiedTable) throws -> Int {
        // A part at a time, so that neither is in memory whole.
        let part = 10_000
        let (mine, its) = (Reader(table, source, part), Reader(table, target, part))
        var count = 0
        while true {
            let (left, right) = (try mine.next(), try its.next())
            for (one, other) in zip(left, right) where one != other {
                throw Different(description: "\(table.name) differs: \(table.key(of: one))")
            }
            if left.count != right.count {
                let extra = left.count > right.count ? left[right.count] : right[left.count]
                let what = left.count > right.count ? "is missing" : "is too much"
                throw Different(description: "\(table.name) differs: \(table.key(of: extra)) \(what)")
            }
            count += left.count
            if left.count < part { return count }
        }
    }

    /// Hands out the rows of a table in the order of their keys, some at a time.
    private final class Reader {
        private let table: CopiedTable
        private let database: Database
        private let part: Int
        private var last: [SQLValue] = []

        init(_ table: CopiedTable, _ database: Database, _ part: Int) {
            (self.table, self.database, self.part) = (table, database, part)
        }

        func next() throws(StoreError) -> [[SQLValue]] {
            let key = table.columns.prefix(table.keyLength).map(\.name).joined(separator: ", ")
            let marks = (1...table.keyLength).map { "?\($0)" }.joined(separator: ", ")
            let names = table.columns.map(\.name).joined(separator: ", ")
            let behind = last.isEmpty ? "" : "WHERE (\(key)) > (\(marks))"
            let statement = try database.prepare(
                "SELECT \(names) FROM \(table.name) \(behind) ORDER BY \(key) LIMIT \(part)")
            var rows: [[SQLValue]] = []
            try statement.forEach(all: last) { row in
                rows.append(table.values(of: row))
                return true
            }
            if let row = rows.last { last = Array(row.prefix(table.keyLength)) }
            return rows
        }
    }
}
