import Chat

/// The newest messages, which are not in `filed_messages` yet: a conversation's are found here in memory.
///
/// A message that were filed at once would dirty a page of its conversation's own; many that are filed together share
/// pages.
struct UnfiledMessages {
    struct Entry {
        let message: MessageID
        let sender: UserID
    }

    private var byConversation: [ConversationID: [Entry]] = [:]
    /// Where each is, oldest first.
    private var conversations: [ConversationID] = []

    var count: Int { conversations.count }

    /// Adds a message that is newer than all others.
    mutating func append(_ message: MessageID, from sender: UserID, in conversation: ConversationID) {
        byConversation[conversation, default: []].append(Entry(message: message, sender: sender))
        conversations.append(conversation)
    }

    func newest(in conversation: ConversationID) -> MessageID? { byConversation[conversation]?.last?.message }

    /// A conversation's messages after a given one, oldest first.
    func entries(in conversation: ConversationID, after message: MessageID) -> ArraySlice<Entry> {
        guard let entries = byConversation[conversation] else { return [] }
        return entries[entries.count - entries.reversed().prefix { $0.message > message }.count..<entries.count]
    }

    /// Takes back all but the oldest.
    mutating func truncate(to count: Int) {
        for conversation in conversations[count...].reversed() { byConversation[conversation]?.removeLast() }
        conversations.removeSubrange(count...)
    }

    mutating func removeAll() {
        byConversation.removeAll(keepingCapacity: true)
        conversations.removeAll(keepingCapacity: true)
    }
}
