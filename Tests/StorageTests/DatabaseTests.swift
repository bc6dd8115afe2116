import Chat
import Foundation
import Storage
import Testing

@Suite struct DatabaseTests {
    @Test("a missing database is made for writing, not for reading")
    func opening() throws {
        let folder = try TemporaryFolder()
        #expect(throws: StoreError.self) { try Database(path: folder.database, .readOnly) }
        try Database(path: folder.database, .readWrite).execute("CREATE TABLE t (x)")
        #expect(throws: StoreError.self) {
            try Database(path: folder.database, .readOnly).execute("INSERT INTO t VALUES (1)")
        }
    }

    @Test("values come back as they were")
    func values() throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.database, .readWrite)
        let identity = try database.prepare("SELECT ?1, typeof(?1)")
        let cases: [(SQLValue, type: String, integer: Int64?, text: String?)] = [
            (.integer(.min), "integer", .min, "-9223372036854775808"),
            (.text("a\0\u{1F600}"), "text", 0, "a\0\u{1F600}"),
            (.text(""), "text", 0, ""), (.null, "null", nil, nil), (.blob([]), "blob", 0, ""),
            (SQLValue(nil as Int64?), "null", nil, nil), (SQLValue("x"), "text", 0, "x"),
        ]
        for (value, type, integer, text) in cases {
            let row = try identity.first(value) { ($0.text(1), $0.optionalInteger(0), $0.optionalText(0)) }
            #expect(row?.0 == type)
            #expect(row?.1 == integer)
            #expect(row?.2 == text)
        }
    }

    @Test("a transaction that throws leaves nothing, and the next one works")
    func rollback() throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.database, .readWrite)
        try database.execute("CREATE TABLE t (x UNIQUE)")
        let insert = try database.prepare("INSERT INTO t VALUES (?1)")
        let count = try database.prepare("SELECT count(*) FROM t")
        let error = #expect(throws: StoreError.self) {
            try database.transaction { () throws(StoreError) in
                try insert.run(.integer(1))
                try insert.run(.integer(1))
            }
        }
        #expect(error?.isConstraint == true)
        #expect(error?.isBusy == false)
        #expect(try count.first { $0.integer(0) } == 0)
        try database.transaction { () throws(StoreError) in try insert.run(.integer(1)) }
        #expect(try count.first { $0.integer(0) } == 1)
    }
}

@Suite struct MigrationTests {
    @Test("a new database gets the newest version, and opening it again changes nothing")
    func once() throws {
        let folder = try TemporaryFolder()
        do {
            let store = try Store(path: folder.database)
            _ = try store.transaction { () throws(StoreError) in try store.apply(.count(.increment(7), at: .start)) }
        }
        let schema = "SELECT group_concat(sql) FROM sqlite_schema"
        let before = try Database(path: folder.database, .readOnly).prepare(schema).first { $0.text(0) }
        let store = try Store(path: folder.database)
        #expect(try store.counter() == 7)
        let after = try Database(path: folder.database, .readOnly).prepare(schema).first { $0.text(0) }
        #expect(before == after)
        let version = try Database(path: folder.database, .readOnly).prepare("PRAGMA user_version")
        #expect(try version.first { $0.integer(0) } ?? 0 > 0)
    }

    @Test("the database of a newer program is refused, and left alone")
    func newer() throws {
        let folder = try TemporaryFolder()
        try Database(path: folder.database, .readWrite).execute("PRAGMA user_version = 1000")
        let error = #expect(throws: StoreError.self) { try Store(path: folder.database) }
        #expect(error?.message.hasPrefix("the database is of version 1000, this program knows up to ") == true)
        let tables = try Database(path: folder.database, .readOnly).prepare("SELECT count(*) FROM sqlite_schema")
        #expect(try tables.first { $0.integer(0) } == 0)
    }

    @Test("a file that is no database is refused")
    func noDatabase() throws {
        let folder = try TemporaryFolder()
        try Array(repeating: "not a database ", count: 100).joined().write(
            toFile: folder.database, atomically: true, encoding: .utf8)
        #expect(throws: StoreError.self) { try Store(path: folder.database) }
    }

    @Test("commits wait for the disk, and readers don't wait for the writer")
    func modes() throws {
        let home = try TemporaryStore()
        let mode = try Database(home.location, .readOnly).prepare("PRAGMA journal_mode")
        #expect(try mode.first { $0.text(0) } == "wal")
        let store = home.store
        let reader = try home.reader()
        try store.transaction { () throws(StoreError) in
            _ = try store.accounts.add(username: "dev", name: "Dev", college: nil, password: nil, at: .start)
            #expect((try? reader.accounts.allUsers().count) == 3)
        }
        #expect(try reader.accounts.allUsers().count == 4)
    }
}

@Suite struct StoreLockTests {
    @Test("a second server is kept off a database until the first ends")
    func lock() throws {
        let folder = try TemporaryFolder()
        var lock: StoreLock? = try StoreLock(databasePath: folder.database)
        let error = #expect(throws: StoreError.self) { try StoreLock(databasePath: folder.database) }
        #expect(error?.isBusy == true)
        // The lock is on a file beside the database: other commands go on.
        _ = try Store(path: folder.database)
        withExtendedLifetime(lock) {}
        lock = nil
        _ = try StoreLock(databasePath: folder.database)
    }
}
