/// What a client asks for, after its dialect was read.
package enum Command: Sendable {
    /// A message to one person.
    case sendDirect(to: UserID, text: String, attachment: Attachment? = nil, clientID: ClientID?)
    /// Everything that one person wrote to the reader has been read.
    case markRead(from: UserID)
    /// The writer is typing something for one person.
    case typing(to: UserID)
    case readNotification(NotificationID)
    /// A message to the room that the connection is in.
    case say(text: String, username: String)
    case count(CounterAction)
}

/// What became of a command, for the connection that it came from.
package enum Answer: Equatable, Sendable {
    /// A message is stored. Where its recipient is nowhere connected, it waits.
    case stored(MessageID, isRecipientPresent: Bool)
    case refused(Refusal)
}

/// Why a command was not carried out. Each dialect has its own words for it.
package enum Refusal: Error, Equatable, Sendable {
    case notJSON
    /// JSON, but nothing that the dialect knows.
    case unknownFormat
    case missing(Field)
    /// A sender's own id of a message that is none; see ``ClientID``.
    case badClientID
    case unknownRecipient
    case recipientIsSender
    case textTooLong
    case tooFast
    case unknownNotification
    case counterOverflow
    /// The store could not write, or has no room for more: nothing was stored.
    case storeUnavailable

    /// A field that a command can't do without: it is absent, empty or of the wrong type.
    package enum Field: String, Sendable {
        case message
        case messageOrAttachment
        case attachment
        case receiverID = "receiver_id"
        case recipientID = "recipient_id"
        case senderID = "sender_id"
        case notificationID = "id"
    }
}
