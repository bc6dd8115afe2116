import EventLoop
import Foundation

/// Where other commands on this machine reach the server that runs on a database: a socket beside the file.
package enum LocalSocket {
    /// What fits into the system's address of a local socket.
    private static let longestPath = 100

    /// The path to bind. Where `DATABASE.sock` is too long for a socket, it becomes a file that names one in a new
    /// folder of the server's user.
    package static func make(forDatabase database: String) throws -> String {
        let path = database + ".sock"
        if path.utf8.count <= longestPath { return path }
        let folder = FileManager.default.temporaryDirectory.appending(path: "switchboard-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        let socket = folder.appending(path: "sock").path
        try Data(socket.utf8).write(to: URL(filePath: path))
        return socket
    }

    /// Removes what ``make(forDatabase:)`` left, once nobody listens there. What the file names may be anything by now,
    /// so a folder goes only when it is empty.
    package static func remove(forDatabase database: String) {
        guard let path = find(forDatabase: database) else { return }
        System.unlink(path)
        if path != database + ".sock" {
            System.removeFolder(URL(filePath: path).deletingLastPathComponent().path)
            System.unlink(database + ".sock")
        }
    }

    /// The path to connect to.
    package static func find(forDatabase database: String) -> String? {
        let path = database + ".sock"
        if path.utf8.count <= longestPath { return path }
        return try? String(contentsOfFile: path, encoding: .utf8)
    }
}
