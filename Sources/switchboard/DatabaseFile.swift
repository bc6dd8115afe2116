import EventLoop
import Foundation
import Server
import Storage

/// The database as a file, for the commands that copy it and look it through.
struct DatabaseFile {
    let path: String

    init(_ arguments: Arguments) throws { path = try arguments.configuration().database }

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
        if Self.isSame(name, path) { throw Failure("\(name) is the database itself") }
        if !isReplacing, Self.exists(name) { throw Self.isTaken(name) }
        return try Self.begin(name)
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
