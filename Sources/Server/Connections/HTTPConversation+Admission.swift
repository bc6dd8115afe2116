import HTTP

// What is answered where there are too many.

extension HTTPConversation {
    /// Answers a request on a connection that is one too many. How the server is may be asked all the same.
    ///
    /// - Returns: Whether that was all.
    func isTurnedAway(from route: Router<Route>.Match) -> Bool {
        guard let surplus = connection.surplus else { return false }
        answering.keepAlive = false
        switch surplus {
        case .welcome: return false
        case .nodeIsFull, .overrun:
            if case .found(.api(let endpoint), _) = route, API.watchedPaths.contains(endpoint.path) { return false }
            refuse(
                .nodeIsFull,
                .error(.serviceUnavailable, "Too many connections", headers: Self.later(.random(in: 5...10))))
        case .addressIsFull: refuse(.addressIsFull, .tooManyFromAddress)
        }
        return true
    }

    /// Whether a client may shake hands now; otherwise it is told when to come back.
    ///
    /// - Parameter isLasting: Whether it will have the connection for itself. One that a proxy uses for the polls of many
    ///   stays under the proxy's address.
    func admitsHandshake(_ request: Request, isLasting: Bool) -> Bool {
        if let seconds = hub.admissions.handshake(at: hub.microseconds) {
            answering.keepAlive = false
            refuse(
                .handshakesTooFast,
                .error(.serviceUnavailable, "Too many are connecting", headers: Self.later(seconds)))
            return false
        }
        if !isLasting { return true }
        connection.remember(senderOf: request)
        if connection.enterAddress() { return true }
        answering.keepAlive = false
        refuse(.addressIsFull, .tooManyFromAddress)
        return false
    }

    private static func later(_ seconds: Int) -> [Response.Header] { [("Retry-After", "\(seconds)")] }
}

extension Response {
    fileprivate static var tooManyFromAddress: Response {
        .error(
            .tooManyRequests, "Too many connections from your address",
            headers: [("Retry-After", "\(Int.random(in: 5...10))")])
    }
}
