/// Of which version a database's tables are, and which programs may use them.
package struct SchemaVersion: Equatable {
    /// 0 where there are no tables.
    let number: Int
    /// The oldest program that may: the version that it knows itself.
    let compatibleFrom: Int

    /// Why this program can't use the database, however it came to be so; `nil` where it can, once it has migrated it.
    ///
    /// - Parameter newest: The newest version that the program knows.
    func refusal(of newest: Int = Migrations.newest) -> StoreError? {
        if number <= newest || compatibleFrom <= newest { return nil }
        return StoreError(
            .other,
            "the database is of version \(number), this program knows up to \(newest)"
                + (compatibleFrom < number ? "; programs that know \(compatibleFrom) may use it as well" : ""))
    }
}

extension Database {
    /// Of which version the tables are.
    func version() throws(StoreError) -> SchemaVersion {
        switch driver {
        case .sqlite:
            // One program at a time has the file, so there is none that a later one would have to leave room for.
            let number = try prepare("PRAGMA user_version").first { Int($0.integer(0)) } ?? 0
            return SchemaVersion(number: number, compatibleFrom: number)
        case .postgresql:
            let table = try prepare(
                "SELECT 1 FROM pg_tables WHERE schemaname = 'switchboard' AND tablename = 'schema_version'")
            if try table.first(read: { _ in true }) == nil { return SchemaVersion(number: 0, compatibleFrom: 0) }
            // Version 6 does not have the column yet.
            let version = try prepare(
                "SELECT version, cast(to_jsonb(schema_version) ->> 'compatible_from' AS bigint) FROM schema_version")
            let found = try version.first { row in
                SchemaVersion(
                    number: Int(row.integer(0)), compatibleFrom: Int(row.optionalInteger(1) ?? row.integer(0)))
            }
            return found ?? SchemaVersion(number: 0, compatibleFrom: 0)
        }
    }

    /// - Throws: For a database that this program has to migrate first, or of which it does not know all.
    package static func requireNewestVersion(_ location: StoreLocation) throws(StoreError) {
        let version = try Database(location, .readOnly).version().number
        if version == Migrations.newest { return }
        throw StoreError(
            .other, "the database is of version \(version), this program's is \(Migrations.newest)")
    }
}
