internal import CPostgreSQL

/// Where a PostgreSQL database is, and how it is reached: a URL as libpq reads it (PostgreSQL's manual, "Connection URIs").
package struct PostgreSQLLocation: Sendable, Equatable, CustomStringConvertible {
    /// For libpq alone: it may hold a password.
    let connectionString: String
    /// For people: who, where and which database.
    package let description: String
    package let hasPassword: Bool
    /// How long is waited for what became of a commit that was not answered.
    package var patience = Duration.seconds(10)
    /// How long an answer may take, for a server; commands wait as long as it takes.
    package var limits: Limits?

    package struct Limits: Sendable, Equatable {
        /// For who writes, and holds up all others.
        package let writing: Duration
        package let reading: Duration

        package init(writing: Duration, reading: Duration) { (self.writing, self.reading) = (writing, reading) }
    }

    static func isURL(_ text: String) -> Bool {
        text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
    }

    /// - Parameter url: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?NAME=VALUE…`; all but the scheme may be missing.
    /// - Throws: In words that repeat nothing of the URL, as it may hold a password.
    init(url: String) throws(StoreLocation.Malformed) {
        if url.utf8.contains(0) { throw StoreLocation.Malformed("it holds a null character") }
        guard let values = Self.parse(url) else {
            throw StoreLocation.Malformed(
                "it is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE?NAME=VALUE; "
                    + "other characters than letters and digits are written as %41")
        }
        // What the URL says comes over what is good for a server.
        connectionString = Self.defaults.merging(values) { $1 }.map { name, value in
            "\(name)='\(value.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined())'"
        }.joined(separator: " ")
        hasPassword = values["password"] != nil || values["sslpassword"] != nil
        let host = values["host"] ?? values["hostaddr"] ?? ""
        let user = values["user"].map { "\($0)@" } ?? ""
        let isFolder = host.hasPrefix("/")
        let port = values["port"].map { ":\($0)" } ?? ""
        description =
            "postgres://\(user)\(isFolder ? "" : host + port)/\(values["dbname"] ?? "")"
            + (isFolder ? "?host=\(host)" + (values["port"].map { "&port=\($0)" } ?? "") : "")
    }

    private static let defaults = [
        "fallback_application_name": "switchboard", "client_encoding": "UTF8", "connect_timeout": "3",
        // A server that is silently gone is noticed within seconds.
        "keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "10000",
    ]

    /// What a URL says, by libpq's names; `nil` where libpq does not understand it.
    private static func parse(_ url: String) -> [String: String]? {
        // What it says of a mistake would repeat the URL.
        var ignored: UnsafeMutablePointer<CChar>?
        let options = unsafe PQconninfoParse(url, &ignored)
        defer {
            unsafe PQconninfoFree(options)
            unsafe PQfreemem(ignored)
        }
        guard var option = unsafe options else { return nil }
        var values: [String: String] = [:]
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val {
                unsafe values[String(cString: keyword)] = String(cString: value)
            }
            unsafe option += 1
        }
        return values
    }
}
