import EventLoop
import Foundation
package import JSON

/// Asks the server that runs on a database on this machine.
package struct LocalClient {
    private let path: String

    /// `nil` where no server runs on the database, as far as the files beside it tell.
    package init?(database: String) {
        guard let socket = LocalSocket.find(forDatabase: database), FileManager.default.fileExists(atPath: socket)
        else { return nil }
        path = socket
    }

    package struct Answer: Sendable {
        package let status: Int
        package let body: [UInt8]

        /// What `read` makes of the body, if that is JSON.
        package func withJSON<Result>(_ read: (JSONValue) -> Result?) -> Result? {
            JSONParser.reading(body.span, maximumLength: max(1, body.count)) { $0.flatMap(read) }
        }
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
