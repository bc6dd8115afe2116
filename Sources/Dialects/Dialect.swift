package import Chat
package import JSON

/// One wire protocol: frames to commands, and events to frames. Pure; it holds no state, and so there is nothing of it but
/// its type, which is handed on without a box.
///
/// A new dialect is a type that conforms, and a case in ``DialectName``.
package protocol Dialect: Sendable {
    /// What the server mounts for this dialect.
    static var endpoints: [Endpoint] { get }

    /// What carries its frames.
    static var transport: Transport { get }

    /// The kind of token that its clients sign in with, where that tells it from others on the same path.
    static var isForTokens: TokenKind? { get }

    /// Whether a client can't ask for what it missed, so that it is sent to it.
    static var wantsBacklog: Bool { get }

    /// Whether authors hear their own messages, in the words that the others hear.
    static var echoesMessages: Bool { get }

    /// Whether its clients say when somebody has stopped typing; for others the server does, after a while.
    static var stopsTyping: Bool { get }

    /// Whether what a client sends from a seat of `kind` is read at all.
    static func reads(from kind: Seat.Kind) -> Bool

    /// Whether `rooms_rate` limits how often a connection may send.
    static var limitsRate: Bool { get }

    /// Whether a connection's first frame can only be of this dialect, not of another on the same path.
    static func recognizes(_ frame: JSONValue) -> Bool

    /// The command that a frame from a seat of `kind` asks for.
    static func decode(_ frame: JSONValue, from kind: Seat.Kind) throws(Refusal) -> Command

    /// Writes the frame for an event.
    ///
    /// - Parameter role: What those who hear it have to do with it.
    /// - Returns: `false` when the dialect has no words for it, and nothing was written.
    static func encode(_ event: Event, to role: Role, into json: inout JSONWriter) -> Bool

    /// Writes what a connection hears first, likewise.
    static func encode(_ welcome: Welcome, into json: inout JSONWriter) -> Bool

    /// Writes what a client is told of its own command, likewise.
    static func encode(_ answer: Answer, into json: inout JSONWriter) -> Bool

    /// Writes what acknowledges a command whose client asked for that, where the transport lets it ask.
    static func acknowledge(_ answer: Answer, into json: inout JSONWriter)
}

extension Dialect {
    package static var transport: Transport { .webSocket }
    package static func acknowledge(_ answer: Answer, into json: inout JSONWriter) {}
}

/// What carries a dialect's frames.
package enum Transport: Sendable {
    /// A frame is a text message with a JSON object.
    case webSocket
    /// A frame is a packet with an array, of which the dialect reads and writes the elements: an event's name, then its
    /// arguments; or the arguments of an acknowledgement.
    case socketIO
}

/// How a token says whose it is.
package enum TokenKind: Sendable {
    /// By being known to the server.
    case opaque
    /// By itself, signed.
    case jwt
}

/// A path that a dialect is spoken on.
package struct Endpoint: Sendable {
    /// The path, where `{room}` stands for one segment; the slash at its end is optional.
    package let path: String
    package let kind: Seat.Kind
    package let token: TokenRule

    package enum TokenRule: Sendable {
        /// Without a token, the connection is closed with 4003.
        case required
        /// Whoever brings none is nobody in particular, where the configuration lets such people in.
        case optional
    }

    package init(_ path: String, _ kind: Seat.Kind, token: TokenRule) {
        self.path = path
        self.kind = kind
        self.token = token
    }
}

/// The table of the dialects. The number of a case is its place in tables that have one for each dialect.
public enum DialectName: Int, CaseIterable, Sendable {
    case erp, campus, conversations, rooms, socketio

    /// Public and inlinable, as it is asked for with each delivery: unless it is both, other modules call it.
    @inlinable public var rawValue: Int {
        switch self {
        case .erp: 0
        case .campus: 1
        case .conversations: 2
        case .rooms: 3
        case .socketio: 4
        }
    }

    package var dialect: any Dialect.Type {
        switch self {
        case .erp: ERP.self
        case .campus: Campus.self
        case .conversations: Conversations.self
        case .rooms: Rooms.self
        case .socketio: SocketIOChat.self
        }
    }

    /// As `?dialect=` and the configuration spell it.
    package var text: String { "\(self)" }

    /// The dialects that someone without a token can speak.
    package static let anonymous = allCases.filter { $0.dialect.endpoints.contains { $0.token == .optional } }
}
