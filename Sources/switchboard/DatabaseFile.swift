import EventLoop
import Foundation
import Server
import Storage

/// The database as a file, for the commands that copy it.
struct DatabaseFile {
    let path: String

    /// - Parameter command: What is done to the file.
    init(_ arguments: Arguments, for command: String) throws {
        let configuration = try arguments.configuration()
        if !configuration.store.isFile {
            throw Failure(
                "\(command) is for a database in a file; PostgreSQL has pg_dump and pg_restore for that, "
                    + "as docs/POSTGRESQL.md says")
        }
        path = configuration.database
    }

    /// The store that a command looks through, which must be there.
    static func store(_ arguments: Arguments) throws -> StoreLocation {
        let location = try arguments.configuration().store
        if case .sqlite(let path) = location, !exists(path) { throw Failure("there is no database \(path)") }
        return location
    }

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    func requireExistence() throws {
        if !Self.exists(path) { throw Failure("there is no database \(path)") }
    }

    /// Whether two paths lead to one file.
    static func isSame(_ one: String, _ other: String) -> Bool {
        func resolved(_ path: String) -> String { URL(filePath: path).resolvingSymlinksInPath().path }
        return resolved(one) == resolved(other)
    }

    /// Keeps servers off the database.
    func lock() throws -> StoreLock {
        do {
            return try StoreLock(databasePath: path)
        } catch {
            throw Failure(error.isBusy ? "a server runs on \(path); stop it first" : "cannot lock \(path): \(error)")
        }
    }

    /// Begins a file of something that the database holds.
    ///
    /// - Parameter isReplacing: Whether another one may have the name.
    func begin(_ name: String, isReplacing: Bool) throws -> PartialFile {
        try Self.begin(name, besides: path, isReplacing: isReplacing)
    }

    /// - Parameter path: A file that it must not be.
    static func begin(_ name: String, besides path: String, isReplacing: Bool) throws -> PartialFile {
        if isSame(name, path) { throw Failure("\(name) is the database itself") }
        if !isReplacing, exists(name) { throw isTaken(name) }
        return try begin(name)
    }

    static func finish(_ file: PartialFile, isReplacing: Bool) throws {
        do throws(IOError) {
            try file.finish(replacing: isReplacing)
        } catch {
            throw error == .exists ? isTaken(file.name) : Failure("cannot write \(file.name): \(error)")
        }
    }

    private static func isTaken(_ name: String) -> Failure { Failure("\(name) exists; --overwrite replaces it") }

    static func begin(_ name: String) throws -> PartialFile {
        do {
            return try PartialFile(for: name)
        } catch {
            throw Failure("cannot write \(name): \(error == .busy ? "another process is writing it" : "\(error)")")
        }
    }

    /// Copies a database piece by piece; between two, the machine is left to others for as long as one took.
    static func copy(_ source: String, to file: PartialFile, pagesAtOnce: Int) async throws {
        let clock = ContinuousClock()
        do {
            let copy = try DatabaseCopy(of: source, to: file.path)
            while true {
                let start = clock.now
                if try !copy.step(pages: pagesAtOnce) { break }
                try await clock.sleep(for: clock.now - start)
            }
            // One file that needs no journal beside it (https://sqlite.org/fileformat.html, "File format version numbers").
            try file.overwrite([1, 1], at: 18)
        } catch let error as StoreError {
            throw Failure("cannot copy \(source): \(error)")
        }
    }
}
