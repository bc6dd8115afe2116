/// Whether a database is sound, and what it says fits together.
package enum Verification {
    /// Something that is wrong.
    package struct Finding: Sendable {
        /// What was looked for, in one word.
        package let check: String
        package let detail: String

        package init(check: String, detail: String) { (self.check, self.detail) = (check, detail) }
    }

    /// A query for what must not be there; its first column tells which.
    struct Check {
        let name, complaint: String
        /// `nil` where a database has no need of it.
        let sqlite, postgresql: String?

        init(_ name: String, _ complaint: String, _ query: String) {
            self.init(name, complaint, sqlite: query, postgresql: query)
        }

        init(_ name: String, _ complaint: String, sqlite: String?, postgresql: String?) {
            (self.name, self.complaint, self.sqlite, self.postgresql) = (name, complaint, sqlite, postgresql)
        }
    }

    static let tablesWithSequences = ["users", "tokens", "conversations", "notifications", "notices", "bulk_messages"]
    /// So many of what is wrong are named.
    private static let shown = 5

    /// Looks at one moment of a database, while a server runs on it or not.
    ///
    /// - Throws: When it can't be opened at all.
    /// - Complexity: O(*n*) in the whole database.
    package static func run(_ location: StoreLocation) throws(StoreError) -> [Finding] {
        let database = try Database(location, .readOnly)
        do {
            try database.beginReading()
            defer { database.endReading() }
            if database.sqlite != nil {
                let damage = try database.prepare("PRAGMA integrity_check(20)").all { $0.text(0) }
                if damage != ["ok"] { return damage.map { Finding(check: "integrity", detail: oneLine($0)) } }
            }
            let (version, own) = (try database.version(), Migrations.newest)
            if let refusal = version.refusal() { return [Finding(check: "version", detail: refusal.message)] }
            if version.number < own {
                return [
                    Finding(
                        check: "version",
                        detail: "the database is of version \(version.number), this program's is \(own)"
                            + (version.number > 0 ? "; a start of the server migrates it" : ""))
                ]
            }
            return try findings(in: database)
        } catch {
            return [Finding(check: "integrity", detail: "cannot be read: \(oneLine(error.message))")]
        }
    }

    private static func oneLine(_ text: String) -> String { text.split(separator: "\n").joined(separator: "; ") }

    private static func findings(in database: Database) throws(StoreError) -> [Finding] {
        var findings: [Finding] = []
        if database.sqlite != nil {
            findings = try database.prepare("PRAGMA foreign_key_check").all { row in
                Finding(
                    check: "references",
                    detail:
                        "a row of \(row.text(0)) refers to one of \(row.text(2)) that is missing (row \(row.text(1)))")
            }
        }
        for check in checks {
            guard let query = database.sqlite != nil ? check.sqlite : check.postgresql else { continue }
            var (count, first) = (0, [String]())
            try database.prepare(query).stream { row in
                count += 1
                if first.count < shown { first.append(row.text(0)) }
                return true
            }
            if count == 0 { continue }
            let which = first.joined(separator: ", ") + (count > shown ? ", …" : "")
            findings.append(Finding(check: check.name, detail: "\(count) \(check.complaint): \(which)"))
        }
        return findings
    }
}
