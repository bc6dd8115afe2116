import Chat
import HTTP
import Metrics
import Synchronization

/// Why a peer was refused something, as the metrics tell it apart: a new reason is a new case. Nothing that a peer chose is
/// ever a reason.
enum RefusalReason: Int, CaseIterable, Sendable {
    // Connections and handshakes.
    case badHandshake, originNotAllowed, tokenMissing, tokenInvalid, badRoomName, tooManyUnconnected, unknownSession
    case unknownHost, tooManyFailures
    case draining
    // What never became a request.
    case badProxyHeader, tlsFailed, notTLS
    // What came where other nodes pass requests on, and is not one of theirs.
    case notFromNode
    // What is one too many; and a connection that the system had no descriptor for, each time that it was tried.
    case nodeIsFull, addressIsFull, personIsFull, handshakesTooFast, outOfDescriptors
    // Requests over HTTP.
    case malformedRequest, requestTimeout, bodyTooLarge, notFound, methodNotAllowed
    case badRequest, unauthenticated, forbidden, conflict, unsupportedMediaType, throttled
    // Frames, and what they ask for.
    case protocolError, notJSON, unknownFormat, missingField, badClientID, clientIDInUse, badAttachment, badLimit
    case badCursor, unknownRecipient, recipientIsSender, unknownConversation, textTooLong, rateLimited, personTooFast
    case unknownNotification, unknownNotice, counterOverflow
    // What the server can't do at the moment.
    case storeUnavailable, storeBusy, receiverTooSlow

    /// The value of the label: the case's name, `in_snake_case`.
    var label: String { "\(self)".snakeCase }
}

extension String {
    /// `clientIDInUse` as `client_id_in_use`.
    var snakeCase: String {
        let letters = Array(self)
        var text = ""
        for (index, letter) in letters.enumerated() {
            let startsWord =
                letter.isUppercase && index > 0
                && (!letters[index - 1].isUppercase || index + 1 < letters.count && letters[index + 1].isLowercase)
            text += (startsWord ? "_" : "") + letter.lowercased()
        }
        return text
    }
}

/// Refusals that happen off the loops, or where nobody knows of one: what is rare enough for a lock.
final class SharedRefusals: Sendable {
    private let counts = Mutex(Tally<RefusalReason>())

    func note(_ reason: RefusalReason) { counts.withLock { $0[reason] += 1 } }

    var tally: Tally<RefusalReason> { counts.withLock { $0 } }
}

extension RefusalReason {
    /// Of a command that was not carried out.
    init(_ refusal: Refusal) {
        self =
            switch refusal {
            case .notJSON: .notJSON
            case .unknownFormat: .unknownFormat
            case .missing: .missingField
            case .badClientID: .badClientID
            case .clientIDInUse: .clientIDInUse
            case .badAttachment: .badAttachment
            case .badLimit: .badLimit
            case .badCursor: .badCursor
            case .unknownRecipient: .unknownRecipient
            case .recipientIsSender: .recipientIsSender
            case .unknownConversation: .unknownConversation
            case .textTooLong: .textTooLong
            case .tooFast: .rateLimited
            case .personTooFast: .personTooFast
            case .unknownNotification: .unknownNotification
            case .unknownNotice: .unknownNotice
            case .counterOverflow: .counterOverflow
            case .storeUnavailable: .storeUnavailable
            case .storeBusy: .storeBusy
            }
    }

    /// Of a request that was answered with an error and no better reason.
    init(_ status: Status) {
        self =
            switch status {
            case .unauthorized: .unauthenticated
            case .forbidden: .forbidden
            case .notFound: .notFound
            case .methodNotAllowed: .methodNotAllowed
            case .requestTimeout: .requestTimeout
            case .conflict: .conflict
            case .contentTooLarge: .bodyTooLarge
            case .unsupportedMediaType: .unsupportedMediaType
            case .tooManyRequests: .throttled
            case .serviceUnavailable, .internalServerError: .storeUnavailable
            case .switchingProtocols, .ok, .created, .accepted, .noContent, .badRequest, .uriTooLong,
                .expectationFailed, .unprocessableContent, .upgradeRequired, .misdirectedRequest, .headerFieldsTooLarge,
                .notImplemented,
                .versionNotSupported:
                .badRequest
            }
    }
}
