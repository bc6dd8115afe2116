import Chat
import HTTP

extension API {
    /// What a caller did wrong, or can't have.
    struct Problem: Error {
        let status: Status
        let message: String
        let headers: [Response.Header]
        /// For the metrics.
        let reason: RefusalReason

        /// - Parameter reason: Where there is a better one than the status.
        init(
            _ status: Status, _ message: String, headers: [Response.Header] = [], reason: RefusalReason? = nil
        ) {
            self.status = status
            self.message = message
            self.headers = headers
            self.reason = reason ?? RefusalReason(status)
        }

        static let unauthenticated = Problem(
            .unauthorized, "Authentication required", headers: [("WWW-Authenticate", "Bearer")])
        static let wrongLogin = Problem(
            .unauthorized, "Invalid username or password", headers: [("WWW-Authenticate", "Bearer")])
        static func tooManyFailures(wait: Int) -> Problem {
            Problem(
                .tooManyRequests, tooManyFailures, headers: [("Retry-After", String(wait))], reason: .tooManyFailures)
        }
        static let tooManyFailures = "Too many failed attempts; try again later"
        static let unknownConversation = Problem(.unknownConversation)
        static let unknownUser = Problem(.unknownRecipient)
    }
}

extension Response {
    static func tooManyFailures(wait: Int) -> Response {
        let problem = API.Problem.tooManyFailures(wait: wait)
        return .error(problem.status, problem.message, headers: problem.headers)
    }
}

extension API.Problem {
    /// A refusal in this API's words.
    init(_ refusal: Refusal) {
        switch refusal {
        case .unknownRecipient: self.init(.notFound, "User not found")
        case .unknownConversation: self.init(.notFound, "Conversation not found.")
        case .unknownNotification: self.init(.notFound, "Notification not found.")
        case .unknownNotice: self.init(.notFound, "Notice not found.")
        case .recipientIsSender: self.init(.badRequest, "You cannot send a message to yourself.")
        case .textTooLong: self.init(.badRequest, "Message is too long")
        case .badAttachment: self.init(.badRequest, "attachment must be an http or https URL")
        case .badClientID: self.init(.badRequest, "client_id must be a string of 1 to 64 bytes")
        case .clientIDInUse: self.init(.conflict, "client_id was used for a message of another conversation")
        case .counterOverflow: self.init(.badRequest, "Counter overflow")
        case .notJSON: self.init(.badRequest, "Invalid JSON format")
        case .unknownFormat, .badLimit, .badCursor: self.init(.badRequest, "Invalid message format")
        case .missing(let field): self.init(.badRequest, "\(field.rawValue) is required")
        case .tooFast, .personTooFast:
            self.init(.tooManyRequests, "Rate limit exceeded", headers: [("Retry-After", "1")])
        case .storeUnavailable, .storeBusy:
            self.init(.serviceUnavailable, "The store is not available", headers: [("Retry-After", "1")])
        }
    }
}
