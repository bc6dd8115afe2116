import Chat

/// The newest messages, which are not in `filed_messages` yet: a conversation's are found here in memory.
///
/// A message that were filed at once would dirty a page of its conversation's own; many that are filed together share
/// pages.
final class UnfiledMessages {
    struct Entry {
        let message: MessageID
        let sender: UserID
        fileprivate let conversation: ConversationID
        /// The place of the one before in the same conversation.
        fileprivate let previous: Int?
    }

    /// Oldest first.
    private var entries: [Entry] = []
    /// The place of each conversation's newest.
    private var newest = IDTable<Conversation, Int>()

    var count: Int { entries.count }

    /// Adds a message that is newer than all others.
    func append(_ message: MessageID, from sender: UserID, in conversation: ConversationID) {
        let previous = newest[conversation]
        newest[conversation] = entries.count
        entries.append(Entry(message: message, sender: sender, conversation: conversation, previous: previous))
    }

    func newest(in conversation: ConversationID) -> MessageID? { newest[conversation].map { entries[$0].message } }

    /// A conversation's messages after a given one, newest first.
    func entries(in conversation: ConversationID, after message: MessageID) -> [Entry] {
        var found: [Entry] = []
        var place = newest[conversation]
        while let index = place, entries[index].message > message {
            found.append(entries[index])
            place = entries[index].previous
        }
        return found
    }

    /// Takes back all but the oldest.
    func truncate(to count: Int) {
        while entries.count > count {
            let entry = entries.removeLast()
            newest[entry.conversation] = entry.previous
        }
    }

    func removeAll() {
        newest.removeAll()
        entries.removeAll(keepingCapacity: true)
    }
}
