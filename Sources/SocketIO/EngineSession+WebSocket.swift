// What a websocket does to a session: first on probation, then as what carries it.

extension EngineSession {
    /// A websocket was opened for the session. If it is refused, it is closed.
    package func openWebSocket(base64: Bool = false, at now: UInt64) -> Bool {
        switch stage {
        case .polling:
            stage = .upgrading(isProbed: false, until: now + settings.upgradeTimeout)
            usesBase64 = base64
            return true
        case .upgrading, .webSocket, .closing, .closed: return false
        }
    }

    /// The websocket received a message.
    ///
    /// - Returns: The packet if it is a message of the session; all else is seen to.
    package func received(_ bytes: Span<UInt8>, isText: Bool, at now: UInt64) -> EnginePacket? {
        do throws(EngineError) {
            switch stage {
            case .webSocket:
                guard bytes.count <= settings.maxPayload else { throw .tooLong }
                let packet = isText ? try EnginePacket(text: bytes) : EnginePacket(binary: bytes)
                return try receive(packet, at: now) ? packet : nil
            case .upgrading(let isProbed, let until):
                probe(
                    isText ? try EnginePacket(text: bytes) : nil, in: bytes, isProbed: isProbed, until: until, at: now)
            case .polling, .closing, .closed: break
            }
        } catch {
            if case .upgrading = stage { abandonUpgrade() } else { finish(.badPacket) }
        }
        return nil
    }

    private func probe(
        _ packet: EnginePacket?, in bytes: Span<UInt8>, isProbed: Bool, until: UInt64, at now: UInt64
    ) {
        if let packet, packet.isText(.ping, "probe", in: bytes) {
            stage = .upgrading(isProbed: true, until: until)
            owesProbe = true
        } else if isProbed, packet?.kind == .upgrade {
            stage = .webSocket
            heartbeat.moved(at: now)
        } else {
            abandonUpgrade()
        }
    }

    func abandonUpgrade() {
        stage = .polling
        owesProbe = false
        closesWebSocket = true
    }

    /// The websocket is gone.
    package func webSocketClosed() {
        closesWebSocket = false
        switch stage {
        case .upgrading:
            stage = .polling
            owesProbe = false
        case .webSocket:
            finish(.transportClosed)
            closesWebSocket = false
        case .polling, .closing, .closed: break
        }
    }
}
