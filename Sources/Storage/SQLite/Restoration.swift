/// What makes a copy of a database one to go on with.
package enum Restoration {
    /// How many ids may have been given since a copy was made, where nothing tells.
    private static let gap: (of: [String], Int64) = (["messages", "notifications"], 1_000_000)
    private static let smallGap: Int64 = 10_000

    /// Brings a copy to the newest version, and lets ids go on behind all that may have been given since it was made: an
    /// id that clients know, or that a token names, never comes to mean something else.
    ///
    /// - Parameter replaced: The database whose place it takes, if there is one; it tells how far ids have come.
    package static func prepare(_ path: String, replacing replaced: String?) throws(StoreError) {
        let database = try Database(path: path, .readWrite)
        try database.execute("PRAGMA synchronous = OFF")
        try Migrations.run(on: database)
        let old = replaced.flatMap { try? lastIDs(of: Database(path: $0, .readOnly)) }
        let own = try lastIDs(of: database)
        try database.transaction { () throws(StoreError) in
            for (table, last) in own {
                let margin = gap.of.contains(table) ? gap.1 : smallGap
                let next = max(last, old.map { $0[table] ?? 0 } ?? last + margin)
                if table == "messages" {
                    try database.prepare("UPDATE issued SET message_id = ?1").run(.integer(next))
                } else {
                    try database.prepare("DELETE FROM sqlite_sequence WHERE name = ?1").run(.text(table))
                    try database.prepare("INSERT INTO sqlite_sequence VALUES (?1, ?2)").run(
                        .text(table), .integer(next))
                }
            }
        }
    }

    /// The last id that each table has given.
    private static func lastIDs(of database: Database) throws(StoreError) -> [String: Int64] {
        var last: [String: Int64] = [:]
        for table in Verification.tablesWithSequences {
            last[table] =
                try database.prepare("SELECT seq FROM sqlite_sequence WHERE name = ?1").first(.text(table)) {
                    $0.integer(0)
                } ?? 0
        }
        let knowsIssued = try database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'issued'").first { _ in true }
        let issued = knowsIssued == nil ? ", 0" : ", (SELECT message_id FROM issued)"
        last["messages"] =
            try database.prepare("SELECT max(coalesce((SELECT max(id) FROM messages), 0)\(issued))").first {
                $0.integer(0)
            } ?? 0
        return last
    }

    /// Moves all that a database's journal holds into its file, so that the file is whole alone.
    package static func fold(_ path: String) throws(StoreError) {
        let database = try Database(path: path, .readWrite)
        let isFolded = try database.prepare("PRAGMA journal_mode = DELETE").first { $0.text(0) } == "delete"
        if !isFolded { throw StoreError(code: 5, message: "another process uses the database") }
    }
}
