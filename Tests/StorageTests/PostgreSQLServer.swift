import Foundation
import Synchronization

@testable import Storage

/// A PostgreSQL server for the tests of this process, which ends with it. Each test gets a database of its own.
final class PostgreSQLServer: Sendable {
    static let shared = Result { try PostgreSQLServer() }

    private let folder: String
    /// Kept open: the server ends when it closes.
    private let input: Pipe
    private let numbers = Atomic(0)
    private static let template = "template_switchboard"

    struct Missing: Error {}

    private init() throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../PostgreSQL/serve.sh").standardizedFileURL
        let (process, input, output) = (Process(), Pipe(), Pipe())
        process.executableURL = script
        process.standardInput = input
        process.standardOutput = output
        // It would wait for itself.
        _ = fcntl(input.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        try process.run()
        var line = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1), byte.first.map({ $0 != 0x0A }) == true {
            line += byte
        }
        folder = String(decoding: line, as: UTF8.self)
        if folder.isEmpty { throw Missing() }
        self.input = input
        try run("CREATE DATABASE \(Self.template)")
        _ = try Store(location(of: Self.template))
    }

    func location(of database: String) throws -> StoreLocation {
        .postgresql(try PostgreSQLLocation(url: "postgres://postgres@/\(database)?host=\(folder)"))
    }

    /// An empty database with all tables.
    func makeDatabase() throws -> String {
        let name = "test\(numbers.add(1, ordering: .relaxed).newValue)"
        try run("CREATE DATABASE \(name) TEMPLATE \(Self.template) STRATEGY FILE_COPY")
        return name
    }

    /// A database without any table.
    func makeBareDatabase(_ options: String = "") throws -> String {
        let name = "bare\(numbers.add(1, ordering: .relaxed).newValue)"
        try run("CREATE DATABASE \(name) \(options)")
        return name
    }

    func drop(_ database: String) { try? run("DROP DATABASE IF EXISTS \(database) WITH (FORCE)") }

    func run(_ sql: String, in database: String = "postgres") throws {
        guard case .postgresql(let location) = try location(of: database) else { return }
        try PostgreSQLConnection(location, .readWrite).execute(sql)
    }
}
