import Chat
import Server
import Storage

/// `switchboard user delete`, `disable` and `enable`: beside a running server, which hears of it from the database
/// within a second, or without one.
enum UserStateCommand {
    static func setDisabled(_ isDisabled: Bool, _ arguments: Arguments) throws {
        let store = try CommandStore.open(arguments)
        let user = try store.user(called: arguments.onlyWord("USER"))
        let isKnown = try store.transaction { () throws(StoreError) in try store.setDisabled(isDisabled, user.id) }
        if !isKnown { throw Failure("\"\(user.name)\" is deleted") }
    }

    static func delete(_ arguments: Arguments) async throws {
        let location = try arguments.configuration().store
        let store = try CommandStore.open(arguments)
        let user = try store.user(called: arguments.onlyWord("USER"))
        let isKnown = try store.transaction { () throws(StoreError) in
            try store.delete(user.id, keepingMessages: arguments.has("--keep-messages"))
        }
        if !isKnown { throw Failure("user \(user.id) is deleted already, and the messages are kept or being erased") }
        try await finish(store, location)
    }

    /// Waits for the server to erase what is left, or erases it where there is none.
    private static func finish(_ store: Store, _ location: StoreLocation) async throws {
        guard case .sqlite(let path) = location else {
            // Servers erase it too: whoever comes first does the next slice.
            return try await erase(store)
        }
        while try store.isErasing() {
            do {
                let lock = try StoreLock(databasePath: path)
                try await erase(Store(path: path, logLimit: Store.logLimit))
                withExtendedLifetime(lock) {}
            } catch let error as StoreError where error.isBusy {
                try await ContinuousClock().sleep(for: .milliseconds(100))
            }
        }
    }

    /// In the server's place.
    private static func erase(_ store: Store) async throws {
        while try store.transaction({ () throws(StoreError) in try store.eraseSlice() }) {
            _ = try store.checkpointIfDue()
            if store.wantsScrub, try !store.scrubIfWanted() {
                // Somebody is reading.
                try await ContinuousClock().sleep(for: .milliseconds(5))
            }
        }
    }
}
