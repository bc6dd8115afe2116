package import Chat
package import JSON

/// One wire protocol: frames to commands, and events to frames. Pure; it holds no state.
///
/// A new dialect is a type that conforms, and a case in ``DialectName``.
package protocol Dialect: Sendable {
    /// What the server mounts for this dialect.
    var endpoints: [Endpoint] { get }

    /// Whether a client can't ask for what it missed, so that it is sent to it.
    var wantsBacklog: Bool { get }

    /// Whether what a client sends from a seat of `kind` is read at all.
    func reads(from kind: Seat.Kind) -> Bool

    /// Whether `rooms_rate` limits how often a connection may send.
    var limitsRate: Bool { get }

    /// The command that a frame from a seat of `kind` asks for.
    func decode(_ frame: JSONValue, from kind: Seat.Kind) throws(Refusal) -> Command

    /// Writes the frame for an event.
    ///
    /// - Returns: `false` when the dialect has no words for it, and nothing was written.
    func encode(_ event: Event, into json: inout JSONWriter) -> Bool

    /// Writes what a connection hears first, likewise.
    func encode(_ welcome: Welcome, into json: inout JSONWriter) -> Bool

    /// Writes what a client is told of its own command, likewise.
    func encode(_ answer: Answer, into json: inout JSONWriter) -> Bool
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
package enum DialectName: Int, CaseIterable, Sendable {
    case erp, campus, rooms

    package var dialect: any Dialect {
        switch self {
        case .erp: ERP()
        case .campus: Campus()
        case .rooms: Rooms()
        }
    }

    /// As `?dialect=` and the configuration spell it.
    package var text: String { "\(self)" }

    /// The dialects that someone without a token can speak.
    package static let anonymous = allCases.filter { $0.dialect.endpoints.contains { $0.token == .optional } }
}
