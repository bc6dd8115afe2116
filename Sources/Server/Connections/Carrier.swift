import Chat
import WebSocket

/// What has a place of its own on a hub and can carry a session: a connection, or a client of Socket.IO, whom several
/// connections may serve one after the other.
class Carrier {
    private(set) final var id: ConnectionID
    /// Its place there is given up when it ends, and so is what it carries: nothing keeps itself alive.
    final let hub: Hub
    /// When to be looked at again, and when the wheel will do so.
    private var deadline: UInt32 = .max
    private(set) final var wakesAt: UInt32 = .max

    init(_ id: ConnectionID, of hub: Hub) {
        self.id = id
        self.hub = hub
    }

    /// The session that holds a seat, or has asked for one.
    var session: Session? { nil }

    /// Whose the token is that was looked up.
    func authenticated(_ authentication: Authentication) {}

    /// The session hears what is sent to it from here on: its client may know.
    func seated() {}
    /// All that the session says first has been sent: what its client sends is its turn now.
    func begin() {}

    /// How long a message may be that was compressed once for everybody; 0 where it takes none.
    var sharedCompression: Int { 0 }
    /// Sends a whole WebSocket frame, which others may share.
    func send(_ frame: consuming [UInt8]) {}
    /// The same with bytes, where there is a place for them.
    func send(binary frame: consuming [UInt8]) {}
    /// Sends a frame that is a ping; the client's pong brings its payload back.
    func ping(_ frame: [UInt8]) {}
    /// What was sent and has not left.
    var queuedBytes: Int { 0 }
    /// Whether its client is so far behind with reading that what is of the moment can't reach it in time.
    var isCongested: Bool { false }
    /// Has the session told when all that was sent has left.
    func tellWhenDrained() {}
    /// Reads no more from a client that asked for much and waits for the answers, or reads on.
    func pauseReading(_ isPaused: Bool) {}
    /// The session hears a conversation's messages, or does not any more.
    func hasJoined(_ conversation: ConversationID) {}
    func hasLeft(_ conversation: ConversationID) {}
    /// More waits than may.
    func overflowed() {}
    /// Ends with a code and its reason; what was sent before still leaves first.
    func close(_ code: CloseCode, _ reason: String) {}
    /// Ends without a word.
    func abort() {}
    /// The server stops.
    func stopServing() {}

    // MARK: - Leaving (``Departures``)

    /// Whether it is a client that has to be told when the server goes.
    var isClient: Bool { false }
    /// No more is read from the client.
    func prepareToLeave() {}
    /// Whether it has been answered all that was read.
    var isAnswered: Bool { true }
    /// Sends the client away, to come back to the next server.
    func depart() { close(.serviceRestart, "The server is restarting") }
    /// Whether nothing is to be done for it any more.
    var hasLeft: Bool { true }

    // MARK: - Time

    /// The session's deadline has changed.
    func updateDeadline() {}
    /// The deadline has come.
    func timePassed() {}

    final func setDeadline(_ tick: UInt32) {
        deadline = tick
        if tick < wakesAt { wakesAt = hub.wheel.schedule(id, at: tick) }
    }

    /// It has another place from here on.
    final func move(to id: ConnectionID) {
        self.id = id
        wakesAt = .max
        setDeadline(deadline)
    }

    /// The wheel has come to ``wakesAt``.
    final func wake() {
        wakesAt = .max
        if hub.wheel.now < deadline { setDeadline(deadline) } else { timePassed() }
    }
}
