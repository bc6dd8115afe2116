import Foundation
import Testing

@testable import Storage

/// Runs each test of a suite on every kind of store; ``TemporaryStore`` is of the kind whose turn it is. With the variable
/// `TEST_STORE`, `sqlite` or `postgresql`, it is that one alone.
struct EachStore: SuiteTrait, TestTrait, TestScoping {
    enum Kind: String, CaseIterable {
        case sqlite, postgresql

        @TaskLocal static var current = Kind.sqlite
    }

    var kinds = Kind.allCases
    let isRecursive = true

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        // Once for each case of each test, not again for the suite around them.
        guard testCase != nil else { return try await function() }
        let wanted = ProcessInfo.processInfo.environment["TEST_STORE"]
        for kind in kinds where wanted == nil || wanted == kind.rawValue {
            try await Kind.$current.withValue(kind) { try await function() }
        }
    }
}

extension Trait where Self == EachStore {
    static var onEachStore: Self { EachStore() }
    /// For what several nodes have to do with a store.
    static var onPostgreSQL: Self { EachStore(kinds: [.postgresql]) }
}

/// A database that ends with the test: a file in a folder of its own, or one of the server's.
final class TemporaryDatabase {
    let location: StoreLocation
    private let folder: TemporaryFolder?
    private let name: String?

    init() throws {
        switch EachStore.Kind.current {
        case .sqlite:
            let folder = try TemporaryFolder()
            (self.folder, name, location) = (folder, nil, .sqlite(path: folder.database))
        case .postgresql:
            let server = try PostgreSQLServer.shared.get()
            let name = try server.makeDatabase()
            (folder, self.name, location) = (nil, name, try server.location(of: name))
        }
    }

    deinit { if let name { try? PostgreSQLServer.shared.get().drop(name) } }
}
