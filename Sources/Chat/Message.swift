/// A message as it was stored. Immutable and shared: all who hear of it refer to the one.
package final class Message: Sendable {
    package let id: MessageID
    package let conversation: ConversationID
    package let sender: User
    /// May be empty where there is an attachment.
    package let text: String
    package let attachment: Attachment?
    package let sentAt: Timestamp
    /// Who else is in the conversation and is told of it; nobody where it was only looked up.
    package let recipients: Recipients

    package init(
        id: MessageID, conversation: ConversationID, sender: User, text: String, attachment: Attachment? = nil,
        sentAt: Timestamp, for recipients: Recipients = []
    ) {
        self.id = id
        self.conversation = conversation
        self.sender = sender
        self.text = text
        self.attachment = attachment
        self.sentAt = sentAt
        self.recipients = recipients
    }

    /// The same, to be told to others.
    package func addressed(to recipients: Recipients) -> Message {
        Message(
            id: id, conversation: conversation, sender: sender, text: text, attachment: attachment, sentAt: sentAt,
            for: recipients)
    }
}

/// A file that a message points at: an `http` or `https` URL of at most 2,048 characters (INTEROP.md).
package struct Attachment: Hashable, Sendable {
    package let url: String

    package init?(_ url: String) {
        guard url.unicodeScalars.count <= 2048, !url.unicodeScalars.contains(where: { $0.value <= 0x20 }),
            ["http://", "https://"].contains(where: { url.hasPrefix($0) && url.utf8.count > $0.utf8.count })
        else { return nil }
        self.url = url
    }
}

/// What a sender chose to name a message, so that a repeat after a lost connection is known: 1 to 64 bytes.
package struct ClientID: Hashable, Sendable {
    package let text: String

    package init?(_ text: String) {
        guard (1...64).contains(text.utf8.count) else { return nil }
        self.text = text
    }

    /// What somebody else named a message in its sender's name: apart from what the sender does.
    package func given(by other: String) -> ClientID { ClientID(unchecked: "\(other)\u{0}\(text)") }

    private init(unchecked text: String) { self.text = text }
}
