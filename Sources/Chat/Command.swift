/// What a client asks for, after its dialect was read.
package enum Command: Sendable {
    case send(Draft, to: Destination)
    /// Everything that others wrote there has been read.
    case markRead(Destination)
    /// The writer has begun to type something there, or has stopped; for somebody who must be there, where one is named.
    case typing(Destination, isTyping: Bool, addressee: UserID? = nil)
    case startConversation(with: UserID)
    /// From here on, the connection hears what is said in the conversation's room.
    case join(ConversationID)
    case leave(ConversationID)
    case look(Query)
    case readNotification(NotificationID)
    /// A message to the room that the connection is in.
    case say(text: String, username: String)
    case count(CounterAction)
}

/// A message before it is stored. Immutable and shared: all who hand it on refer to the one.
package final class Draft: Sendable {
    /// May be empty where there is an attachment.
    package let text: String
    package let attachment: Attachment?
    package let clientID: ClientID?
    /// Somebody whom it must reach, where it goes to a conversation.
    package let addressee: UserID?

    package init(
        text: String, attachment: Attachment? = nil, clientID: ClientID? = nil, addressee: UserID? = nil
    ) {
        self.text = text
        self.attachment = attachment
        self.clientID = clientID
        self.addressee = addressee
    }

    /// The same as somebody else names it in its sender's name; see ``ClientID/given(by:)``.
    package func given(by other: String) -> Draft {
        Draft(text: text, attachment: attachment, clientID: clientID?.given(by: other), addressee: addressee)
    }
}

/// Where a message goes: the one conversation with a person, or one that is named.
package enum Destination: Hashable, Sendable {
    case person(UserID)
    case conversation(ConversationID)
}

/// What is looked up and changes nothing.
package enum Query: Sendable {
    /// People whose usernames contain a keyword.
    case people(keyword: String)
    /// All conversations of the one who asks.
    case conversations
    /// The newest `limit` messages before a given one.
    case messages(of: ConversationID, before: MessageID?, limit: Int?)
}

/// What became of a command, for the connection that it came from.
package enum Answer: Sendable {
    /// A message is stored. Where its recipient is nowhere connected, it waits.
    case stored(MessageID, isRecipientPresent: Bool)
    /// The message was stored before, under the same name that its sender gave it.
    case repeated(Message)
    /// Carried out; there is nothing more to say.
    case done
    indirect case started(Conversation)
    case joined(ConversationID)
    case people([User])
    case conversations([Conversation])
    /// Oldest first.
    case messages([Message])
    case refused(Refusal)
    /// A message was not stored; most dialects say so like anything else that was refused.
    case notSent(Refusal)

    /// Why nothing was done.
    package var refusal: Refusal? {
        switch self {
        case .refused(let refusal), .notSent(let refusal): refusal
        case .stored, .repeated, .done, .started, .joined, .people, .conversations, .messages: nil
        }
    }
}

/// Why a command was not carried out. Each dialect has its own words for it.
package enum Refusal: Error, Equatable, Sendable {
    case notJSON
    /// JSON, but nothing that the dialect knows.
    case unknownFormat
    case missing(Field)
    /// A sender's own id of a message that is none; see ``ClientID``.
    case badClientID
    /// The sender has given that name to a message of another conversation.
    case clientIDInUse
    case badAttachment
    case badLimit
    /// The message to look before is none.
    case badCursor
    case unknownRecipient
    case recipientIsSender
    /// There is no such conversation, or the one who asks is not in it.
    case unknownConversation
    case textTooLong
    case tooFast
    /// The person asks for more than one may, on all their connections together.
    case personTooFast
    case unknownNotification
    case unknownNotice
    case counterOverflow
    /// The store could not write: nothing was stored.
    case storeUnavailable
    /// As much waits for the store as it takes in: nothing was stored.
    case storeBusy

    /// A field that a command can't do without: it is absent, empty or of the wrong type.
    package enum Field: String, Sendable {
        case message
        case content
        case messageOrAttachment
        case conversationID = "conversation_id"
        case receiverID = "receiver_id"
        case recipientID = "recipient_id"
        case senderID = "sender_id"
        case notificationID = "id"
        case keyword
        case isTyping = "is_typing"
    }
}
