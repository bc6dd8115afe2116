import EventLoop
import Foundation

/// Runs `body` with a loop that ends afterwards.
func withLoop<Result>(_ body: (EventLoop) async throws -> Result) async rethrows -> Result {
    let loop = EventLoop()
    defer { loop.stop() }
    return try await body(loop)
}

/// Runs `body` on a loop's thread.
func onLoop<Result: Sendable>(_ loop: EventLoop, _ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in loop.submit { continuation.resume(returning: body()) } }
}

/// A path for a local socket.
func temporarySocketPath() -> String {
    FileManager.default.temporaryDirectory.appending(path: "sb-\(UUID().uuidString.prefix(13))").path
}

/// One end of a connection, with closures for what it hears.
final class End: SocketStreamDelegate {
    let stream: SocketStream
    var onBytes: (End, [UInt8]) -> Void = { _, _ in }
    var onEnd: (End) -> Void = { _ in }
    var onOverflow: (End) -> Void = { _ in }
    var onDrained: (End) -> Void = { _ in }
    var onClose: (End) -> Void = { _ in }
    /// All that was received, where nobody asked for it in `onBytes`.
    var received: [UInt8] = []

    init(_ stream: SocketStream) {
        self.stream = stream
        stream.delegate = self
    }

    func received(_ bytes: inout MutableSpan<UInt8>) {
        let copy = unsafe bytes.withUnsafeMutableBufferPointer { unsafe Array($0) }
        received += copy
        onBytes(self, copy)
    }

    func receivedEnd() { onEnd(self) }
    func overflowed() { onOverflow(self) }
    func drained() { onDrained(self) }
    func closed() { onClose(self) }
}

/// Two ends of a local connection on one loop. To be called, and used, on its thread.
func connect(on loop: EventLoop, _ body: @escaping (_ client: End, _ server: End) -> Void) throws {
    let path = temporarySocketPath()
    var accepted: SocketStream?
    var connected: SocketStream?
    var listener: Listener?
    func proceed() {
        guard let client = connected, let server = accepted else { return }
        listener?.close()
        listener = nil
        body(End(client), End(server))
    }
    listener = try Listener(try BoundSocket.local(path), on: loop) { stream, _ in
        accepted = stream
        proceed()
    }
    _ = SocketStream(connectingTo: path, on: loop) {
        connected = $0
        try? FileManager.default.removeItem(atPath: path)
        proceed()
    }
}

/// Bytes of a period that fits no power of two, so that a lost or repeated block shows.
func pattern(_ count: Int) -> [UInt8] {
    let period = Array(UInt8(0)..<251)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + period.count)
    while bytes.count < count { bytes += period }
    return Array(bytes.prefix(count))
}
