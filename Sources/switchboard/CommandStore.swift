import Chat
import JSON
import Server
import Storage

/// The database as the commands use it, whether a server runs on it or not.
enum CommandStore {
    static func open(_ arguments: Arguments) throws -> Store {
        let location = try arguments.configuration().store
        do {
            return try Store(location)
        } catch {
            throw Failure("cannot open the database \(location): \(error)")
        }
    }
}

extension Store {
    /// The person whom a command names, by username or id.
    func user(called name: String) throws -> User {
        // Digits alone: "+1" is a username.
        let id = name.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int64(name) : nil
        let user =
            try id.map { id throws(StoreError) in try accounts.user(UserID(id)) } ?? accounts.user(named: name)
        guard let user else { throw Failure("there is no user \"\(name)\"") }
        return user
    }
}

extension Terminal {
    /// Prints one JSON value on a line.
    static func printJSON(_ write: (inout JSONWriter) -> Void) {
        var json = JSONWriter()
        write(&json)
        print(String(decoding: json.bytes, as: UTF8.self))
    }
}
