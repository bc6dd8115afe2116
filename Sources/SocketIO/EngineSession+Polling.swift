// What GETs and POSTs do to a session.

extension EngineSession {
    /// A GET came. If it is refused, it gets a 400.
    ///
    /// - Returns: Whether it is the session's poll now.
    package func beginPoll() -> Bool {
        switch stage {
        case .polling, .upgrading, .closing:
            guard hasPoll else {
                hasPoll = true
                releasesPoll = false
                return true
            }
            finish(.overlap)
            return false
        case .webSocket, .closed: return false
        }
    }

    /// The connection of the poll is gone.
    package func pollClosed() {
        guard hasPoll else { return }
        hasPoll = false
        finish(.transportClosed)
    }

    /// Whoever brings the poll is about to go: it is answered, with nothing if need be, and the client polls again.
    package func releasePoll() { releasesPoll = true }

    /// A POST begins; its body need not be there yet. If it is refused, it gets a 400.
    ///
    /// - Returns: Whether it is the session's POST now.
    package func beginPost() -> Bool {
        switch stage {
        case .polling, .upgrading, .closing:
            guard post == nil else {
                finish(.overlap)
                return false
            }
            post = .begun
            return true
        case .webSocket, .closed: return false
        }
    }

    /// The next message in the body of the POST; what else it holds is seen to. `nil` at the end, and when the session
    /// ends meanwhile.
    ///
    /// - Parameter body: All of it, the same at every call.
    package func nextMessage(inPost body: Span<UInt8>, at now: UInt64) -> EnginePacket? {
        do throws(EngineError) {
            while carriesPost, var payload = try readPost(body) {
                let packet = try payload.next(in: body)
                post = .reading(payload)
                guard let packet else { return nil }
                if try receive(packet, at: now) { return packet }
            }
        } catch {
            post = .refused
            finish(.badPacket)
        }
        return nil
    }

    /// Whether what comes by POST still counts.
    private var carriesPost: Bool {
        switch stage {
        // One that began before the client moved to its websocket.
        case .polling, .upgrading, .webSocket: true
        case .closing, .closed: false
        }
    }

    private func readPost(_ body: Span<UInt8>) throws(EngineError) -> PayloadDecoder? {
        switch post {
        case .begun: try PayloadDecoder(body, maximumLength: settings.maxPayload)
        case .reading(let payload): payload
        case .refused, nil: nil
        }
    }

    /// The POST is over: its messages have been dealt with.
    ///
    /// - Returns: Whether it gets a 200 with `ok`; otherwise a 400.
    package func endPost() -> Bool {
        switch post.take() {
        case .begun: true
        // The server may have ended the session before all of it was taken in; what follows a client's own end is nothing.
        case .reading(let payload): payload.isAtEnd || lastWord == .noop
        case .refused, nil: false
        }
    }

    /// The connection of the POST is gone before the end of its body.
    package func postClosed() {
        guard post.take() != nil else { return }
        finish(.transportClosed)
    }
}
