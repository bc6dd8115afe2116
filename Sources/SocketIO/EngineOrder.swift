/// What a session wants done.
package enum EngineOrder: Equatable, Sendable {
    /// A message on the websocket, with the packet's bytes as they are.
    case write(OutgoingPacket)
    /// The poll gets a 200 with this body; it is over.
    case answerPoll([UInt8])
    /// The poll gets a 400, as if the session were unknown: what is over without a packet has no other end.
    case refusePoll
    /// The session's websocket is closed, be it in use or on probation.
    case closeWebSocket
    /// The session is over; the last order. A POST that is under way still gets its answer.
    case end(EngineEnd)
}

/// What becomes of a packet that is sent.
package enum EngineSending: Equatable, Sendable {
    /// The caller writes it on the websocket, at once: it may have a frame of it that many share.
    case write
    /// The session has it; orders may follow.
    case keep
    /// The session is over, or as good as.
    case drop
}

/// Why a session is over.
package enum EngineEnd: Equatable, Sendable {
    case closedByClient
    case closedByServer
    /// No pong came in time.
    case pingTimeout
    /// The websocket, or the connection of a request, broke.
    case transportClosed
    /// Two GETs, or two POSTs, at a time.
    case overlap
    /// What the client sent is no packet, or one that only a server sends.
    case badPacket
    /// More waited for the client than allowed.
    case queueFull
}
