import Storage

extension Setting {
    /// Where the store is: a URL, which may hold a password and is shown without it.
    static let store = Setting(
        name: "store", allowed: "sqlite:PATH, or postgres://USER@HOST:PORT/DATABASE as libpq reads it",
        help: "where everything is stored; without it, in the database file; a URL with a password not as a flag",
        isSecret: false, path: \.postgresql, holdsPassword: { $0.store.hasPassword },
        set: { configuration, text in
            do throws(StoreLocation.Malformed) {
                switch try StoreLocation(text) {
                case .sqlite(let path): (configuration.database, configuration.postgresql) = (path, nil)
                case .postgresql(let location): configuration.postgresql = location
                }
                return nil
            } catch {
                return .because(error.reason)
            }
        },
        show: { $0.postgresql.map(\.description) ?? "sqlite:\($0.database)" })
}
