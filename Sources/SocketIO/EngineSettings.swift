private import JSON

/// What all sessions of a server have in common. Times are milliseconds.
package struct EngineSettings: Sendable {
    /// Between a pong and the next ping.
    package var pingInterval: UInt64
    /// How long a pong may take.
    package var pingTimeout: UInt64
    /// How long a client may take to move to a websocket that it opened.
    package var upgradeTimeout: UInt64
    /// How long a session that the server closes waits for a poll to say so.
    package var closeTimeout: UInt64
    /// Bytes of one payload, or of one message of a websocket.
    package var maxPayload: Int
    /// Bytes that may wait for a client, each packet counted with what keeping it costs.
    package var queueLimit: Int

    package init(
        pingInterval: UInt64 = 25_000, pingTimeout: UInt64 = 20_000, upgradeTimeout: UInt64 = 10_000,
        closeTimeout: UInt64 = 30_000, maxPayload: Int = 1_000_000, queueLimit: Int = 4 << 20
    ) {
        self.pingInterval = pingInterval
        self.pingTimeout = pingTimeout
        self.upgradeTimeout = upgradeTimeout
        self.closeTimeout = closeTimeout
        self.maxPayload = maxPayload
        self.queueLimit = queueLimit
    }

    /// The packet that a session begins with.
    func openPacket(sid: String, on transport: EngineTransport) -> OutgoingPacket {
        var json = JSONWriter(behind: [EnginePacket.Kind.open.digit])
        json.object {
            $0.member("sid", sid)
            $0.array("upgrades") { if transport == .polling { $0.append("websocket") } }
            $0.member("pingInterval", pingInterval)
            $0.member("pingTimeout", pingTimeout)
            $0.member("maxPayload", maxPayload)
        }
        return .text(json.bytes[...])
    }
}
