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

/// Asks the server that runs on this machine.
package struct LocalClient {
    private let path: String

    package init(socket path: String) { self.path = path }

    package struct Answer: Sendable {
        package let status: Int
        package let body: [UInt8]
    }

    /// Posts JSON to a path of the server's API.
    ///
    /// - Returns: `nil` when no server listens there.
    package func post(_ body: [UInt8], to target: String) async -> Answer? {
        let head =
            "POST \(target) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.count)\r\nConnection: close\r\n\r\n"
        return await ask(Array(head.utf8) + body)
    }

    /// Asks for what is at a path.
    ///
    /// - Returns: `nil` when no server listens there.
    package func get(_ target: String) async -> Answer? {
        await ask(Array("GET \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8))
    }

    private func ask(_ request: [UInt8]) async -> Answer? {
        let loop = EventLoop()
        let path = path
        let bytes = await withCheckedContinuation { continuation in
            loop.submit { Exchange(request) { continuation.resume(returning: $0) }.start(path, on: loop) }
        }
        await withCheckedContinuation { continuation in
            // Off the loop's thread, which is to end.
            Thread {
                loop.stop(); continuation.resume()
            }.start()
        }
        return bytes.flatMap(Self.answer)
    }

    private static func answer(_ bytes: [UInt8]) -> Answer? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n"), let status = Int(text.dropFirst(9).prefix(3)) else { return nil }
        return Answer(status: status, body: Array(text[end.upperBound...].utf8))
    }

    /// One request and its answer, on the loop.
    private final class Exchange: SocketStreamDelegate {
        private let request: [UInt8]
        private let done: ([UInt8]?) -> Void
        private var answer: [UInt8] = []
        private var stream: SocketStream?

        init(_ request: [UInt8], done: @escaping ([UInt8]?) -> Void) {
            self.request = request
            self.done = done
        }

        func start(_ path: String, on loop: EventLoop) {
            stream = SocketStream(connectingTo: path, on: loop) { stream in
                guard let stream else { return self.done(nil) }
                stream.delegate = self
                stream.startReading()
                stream.send(self.request)
            }
        }

        func received(_ bytes: inout MutableSpan<UInt8>) {
            for index in bytes.indices { answer.append(bytes[index]) }
        }
        func receivedEnd() { stream?.close() }
        func overflowed() {}
        func drained() {}
        func closed() { done(answer) }
    }
}
