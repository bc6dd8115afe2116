/// A conversation and who is in it. That of two people is unique for the pair (INTEROP.md); it never changes.
package struct Conversation: Sendable {
    package let id: ConversationID
    /// Whether it was made for a group, however many are left in it.
    package let isGroup: Bool
    package let title: String?
    /// By id.
    package let participants: [User]

    package init(id: ConversationID, isGroup: Bool = false, title: String? = nil, participants: [User]) {
        self.id = id
        self.isGroup = isGroup
        self.title = title
        self.participants = participants
    }

    /// What one of its people sees of it in a list.
    package struct Summary: Sendable {
        package let conversation: Conversation
        package let lastMessage: Message?
        /// How many messages of others came after the last that was read; ``unreadLimit`` at the most.
        package let unreadCount: Int

        package static let unreadLimit = 1000

        package init(conversation: Conversation, lastMessage: Message?, unreadCount: Int) {
            self.conversation = conversation
            self.lastMessage = lastMessage
            self.unreadCount = unreadCount
        }
    }
}
