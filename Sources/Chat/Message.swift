/// A message as it was stored.
package struct Message: Sendable {
    package let id: MessageID
    package let conversation: ConversationID
    package let sender: User
    package let text: String
    package let sentAt: Timestamp

    package init(id: MessageID, conversation: ConversationID, sender: User, text: String, sentAt: Timestamp) {
        self.id = id
        self.conversation = conversation
        self.sender = sender
        self.text = text
        self.sentAt = sentAt
    }
}

/// What a sender chose to name a message, so that a repeat after a lost connection is known: 1 to 64 bytes.
package struct ClientID: Hashable, Sendable {
    package let text: String

    package init?(_ text: String) {
        guard (1...64).contains(text.utf8.count) else { return nil }
        self.text = text
    }
}
