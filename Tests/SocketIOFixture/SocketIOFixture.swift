import EventLoop
import Foundation
import SocketIO

/// The SocketIO module alone, on one port of 127.0.0.1 and ::1, for conformance suites from elsewhere: an echo of
/// Engine.IO on `/engine.io/`, and Socket.IO on `/socket.io/`. Runs in the foreground until it is interrupted.
///
///     SocketIOFixture PORT
///
/// `SOCKETIO_FIXTURE_CONNECT_TIMEOUT` says after how many milliseconds a client of Socket.IO is closed that is in no
/// namespace; 45,000 if it is not set. `SOCKETIO_FIXTURE_PING_INTERVAL` and `SOCKETIO_FIXTURE_PING_TIMEOUT` are 300 and
/// 200, which the suites from elsewhere expect.
@main
struct SocketIOFixture {
    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        func milliseconds(_ name: String, _ usual: UInt64) -> UInt64? {
            environment["SOCKETIO_FIXTURE_\(name)"].map { UInt64($0) } ?? usual
        }
        guard CommandLine.arguments.count == 2, let connectTimeout = milliseconds("CONNECT_TIMEOUT", 45_000),
            let pingInterval = milliseconds("PING_INTERVAL", 300), let pingTimeout = milliseconds("PING_TIMEOUT", 200),
            let address = SocketAddress("127.0.0.1:\(CommandLine.arguments[1])")
        else { fatalError("usage: SocketIOFixture PORT") }
        let settings = EngineSettings(pingInterval: pingInterval, pingTimeout: pingTimeout)
        System.ignoreBrokenPipes()
        let (bound, sockets) = try BoundSocket.tcp(address, count: 1)
        guard let address6 = SocketAddress("[::1]:\(bound.port)") else { fatalError("no port") }
        let (bound6, sockets6) = try BoundSocket.tcp(address6, count: 1)
        let loop = EventLoop()
        loop.submit {
            let sessions = Sessions(on: loop, settings, connectTimeout: connectTimeout)
            do {
                for socket in sockets + sockets6 {
                    _ = try Listener(socket, on: loop) { stream, _ in Connection(stream, sessions).start() }
                }
                print("listening on \(bound) and \(bound6)")
            } catch {
                fatalError("cannot listen on \(bound): \(error)")
            }
        }
        for await _ in System.signals([2, 15]) { break }
    }
}
