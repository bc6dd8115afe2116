import EventLoop
import SocketIO

/// All sessions, and the clock that they share.
final class Sessions {
    let settings: EngineSettings
    private let loop: EventLoop
    private let connectTimeout: UInt64
    private var sessions: [String: Session] = [:]

    init(on loop: EventLoop, _ settings: EngineSettings, connectTimeout: UInt64) {
        self.loop = loop
        self.settings = settings
        self.connectTimeout = connectTimeout
        _ = RepeatingTimer(every: 10, on: loop) { [self] in timePassed() }
    }

    var now: UInt64 { loop.now }

    subscript(sid: String) -> Session? { sessions[sid] }

    func open(_ service: Service, on transport: EngineTransport, base64: Bool) -> Session {
        let sid = Self.randomID()
        let application: any Application =
            switch service {
            case .engineIO: Echo()
            case .socketIO: Namespaces(maximumLength: settings.maxPayload, closingAt: now + connectTimeout)
            }
        let session = Session(sid, service, on: transport, base64: base64, of: self, application)
        sessions[sid] = session
        return session
    }

    func remove(_ session: Session) { sessions[session.sid] = nil }

    private func timePassed() {
        for session in Array(sessions.values) { session.timePassed() }
    }

    /// Twenty characters that nobody guesses.
    static func randomID() -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        return String((0..<20).map { _ in digits[Int.random(in: 0..<64)] })
    }
}

/// What a path is for.
enum Service {
    case engineIO, socketIO

    init?(path: String) {
        switch path {
        case "/engine.io/", "/engine.io": self = .engineIO
        case "/socket.io/", "/socket.io": self = .socketIO
        default: return nil
        }
    }
}

/// What is done with a session's messages.
protocol Application: AnyObject {
    func received(_ message: Span<UInt8>, isText: Bool, from session: Session)
    func timePassed(_ session: Session)
}

/// Engine.IO alone: every message comes back.
private final class Echo: Application {
    func received(_ message: Span<UInt8>, isText: Bool, from session: Session) {
        let bytes = [UInt8](copying: message)
        session.send(isText ? .text(([EnginePacket.Kind.message.digit] + bytes)[...]) : .binary(bytes[...]))
    }

    func timePassed(_ session: Session) {}
}
