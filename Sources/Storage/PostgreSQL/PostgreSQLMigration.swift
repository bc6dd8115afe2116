internal import CPostgreSQL

/// Brings a PostgreSQL database to this program's version, while other nodes work on it that have yet to be replaced.
enum PostgreSQLMigration {
    /// What leads from one version to the next.
    struct Step {
        let version: Int
        /// The oldest program that may go on using the database: the version that it knows itself.
        let compatibleFrom: Int
        /// Run in one transaction. Nobody can write meanwhile, so nothing in it takes long.
        let sql: String
        /// For tables that may be large: made behind the transaction, while others write.
        var indexes: [Index] = []
    }

    struct Index {
        let name: String
        /// What comes behind the name, from `ON` on.
        let definition: String
    }

    /// How long a step may wait for a table. Whoever needs the table next waits behind it, for that long.
    private static let tablePatience = "300ms"
    /// How long it is tried again where a table is in use; the other nodes go on in between.
    static let patience = Duration.seconds(30)

    /// - Throws: Also when the database is for newer programs only, or lets the role make nothing.
    static func run(
        on database: Database, steps: [Step] = PostgreSQLSchema.steps, patience: Duration = patience
    ) throws(StoreError) {
        let newest = steps.last?.version ?? 0
        let current = try database.version()
        if let refusal = current.refusal(of: newest) { throw refusal }
        if current.number > newest { return }
        for step in steps where step.version > current.number {
            try insist(for: patience) { () throws(StoreError) in try take(step, on: database) }
        }
        try build(steps.flatMap(\.indexes), on: database, for: patience)
    }

    private static func take(_ step: Step, on database: Database) throws(StoreError) {
        try database.transaction { () throws(StoreError) in
            let exists = try database.prepare("SELECT 1 FROM pg_namespace WHERE nspname = 'switchboard'")
            if try exists.first(read: { _ in true }) == nil { try database.execute("CREATE SCHEMA switchboard") }
            // Another node may have done it meanwhile.
            if try database.version().number >= step.version { return }
            try database.execute("SET LOCAL lock_timeout = '\(tablePatience)'")
            if !step.sql.isEmpty { try database.execute(step.sql) }
            try database.execute("UPDATE schema_version SET version = \(step.version)")
            if step.version < compatibilityKnownFrom { return }
            try database.execute(
                "UPDATE schema_version SET compatible_from = greatest(compatible_from, \(step.compatibleFrom))")
        }
    }

    /// The version that has a column for it.
    private static let compatibilityKnownFrom = 7

    /// Tries again and again what others stand in the way of.
    private static func insist(for patience: Duration, _ body: () throws(StoreError) -> Void) throws(StoreError) {
        let deadline = ContinuousClock.now + patience
        var pause: Int32 = 100
        while true {
            do {
                return try body()
            } catch  where error.kind == .conflict {
                if ContinuousClock.now > deadline {
                    throw StoreError(
                        .other, "the tables cannot be migrated while others hold them: \(error.message)")
                }
                switchboard_sleep(pause)
                pause = min(pause * 2, 1000)
            }
        }
    }

    // MARK: - Indexes

    private static func build(_ indexes: [Index], on database: Database, for patience: Duration) throws(StoreError) {
        if indexes.isEmpty { return }
        let state = try database.prepare(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('switchboard.' || ?1)")
        for index in indexes {
            let isValid = { () throws(StoreError) in try state.first(.text(index.name)) { $0.integer(0) != 0 } }
            if try isValid() == true { continue }
            try alone(on: database) { () throws(StoreError) in
                guard let isLeftOver = try isValid().map({ !$0 }) else {
                    return try database.execute("CREATE INDEX CONCURRENTLY \(index.name) \(index.definition)")
                }
                // Whoever made it came to an end before it was done.
                if isLeftOver {
                    try database.execute("DROP INDEX CONCURRENTLY switchboard.\(index.name)")
                    try database.execute("CREATE INDEX CONCURRENTLY \(index.name) \(index.definition)")
                }
            }
        }
    }

    /// Runs `body` while no other node does.
    private static func alone(on database: Database, _ body: () throws(StoreError) -> Void) throws(StoreError) {
        let key = SQLValue.integer(PostgreSQLSchema.lock + 1)
        let lock = try database.prepare("SELECT pg_try_advisory_lock(?1)")
        // Who makes an index waits for all who are in a statement, so nobody may wait for the lock in one.
        while try lock.first(key, read: { $0.integer(0) != 0 }) != true { switchboard_sleep(100) }
        let release = try database.prepare("SELECT pg_advisory_unlock(?1)")
        defer { _ = try? release.first(key) { _ in } }
        try body()
    }
}
