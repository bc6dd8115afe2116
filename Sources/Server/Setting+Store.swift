import Storage

extension Setting {
    /// Where the store is: a URL, which may hold a password and is shown without it.
    static let store = Setting(
        name: "store", allowed: "sqlite:PATH, or postgres://USER@HOST:PORT/DATABASE as libpq reads it",
        help: "where everything is stored; without it, in the database file; a URL with a password not as a flag",
        isSecret: false, path: \.postgresql,
        set: { configuration, text in
            if text.hasPrefix("sqlite:"), text.utf8.count > 7 {
                configuration.database = String(text.dropFirst(7))
                configuration.postgresql = nil
                return nil
            }
            if !PostgreSQLLocation.isURL(text) {
                return .because("this is no store; allowed is sqlite:PATH or postgres://USER@HOST:PORT/DATABASE")
            }
            do throws(PostgreSQLLocation.Malformed) {
                configuration.postgresql = try PostgreSQLLocation(url: text)
                return nil
            } catch {
                return .because(error.reason)
            }
        },
        show: { $0.postgresql.map(\.description) ?? "sqlite:\($0.database)" })
}
