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

    fileprivate struct Kept {
        /// Oldest first.
        var entries: [Entry] = []
        /// The place of each conversation's newest.
        var newest = IDTable<Conversation, Int>()
    }

    // Unchecked: changes are those of tables of ids.
    @safe @exclusivity(unchecked) private var kept = Kept()
    private(set) var count = 0
    /// Whether there is need for it.
    private let isKept: Bool

    /// - Parameter isKept: Whether messages are filed later; else nothing is ever kept here.
    init(isKept: Bool) { self.isKept = isKept }

    /// Adds a message that is newer than all others.
    func append(_ message: MessageID, from sender: UserID, in conversation: ConversationID) {
        if !isKept { return }
        kept.append(message, from: sender, in: conversation)
        count += 1
    }

    func newest(in conversation: ConversationID) -> MessageID? {
        kept.newest[conversation].map { kept.entries[$0].message }
    }

    /// A conversation's messages after a given one, newest first.
    func entries(in conversation: ConversationID, after message: MessageID) -> [Entry] {
        let kept = kept
        var found: [Entry] = []
        var place = kept.newest[conversation]
        while let index = place, kept.entries[index].message > message {
            found.append(kept.entries[index])
            place = kept.entries[index].previous
        }
        return found
    }

    /// Visits each conversation's messages, oldest first, by ascending conversation.
    func forEachConversation(
        _ body: (ConversationID, [MessageID]) throws(StoreError) -> Void
    ) throws(StoreError) {
        // Each has one with nothing before it.
        let conversations = kept.entries.filter { $0.previous == nil }.map(\.conversation)
        for conversation in conversations.sorted() {
            try body(conversation, entries(in: conversation, after: MessageID(0)).reversed().map(\.message))
        }
    }

    /// Takes back all but the oldest.
    func truncate(to count: Int) {
        while self.count > count {
            let entry = kept.entries.removeLast()
            kept.newest[entry.conversation] = entry.previous
            self.count -= 1
        }
    }

    func removeAll() {
        kept.newest.removeAll()
        kept.entries.removeAll(keepingCapacity: true)
        count = 0
    }
}

extension UnfiledMessages.Kept {
    fileprivate mutating func append(_ message: MessageID, from sender: UserID, in conversation: ConversationID) {
        let previous = newest[conversation]
        newest[conversation] = entries.count
        entries.append(
            UnfiledMessages.Entry(message: message, sender: sender, conversation: conversation, previous: previous))
    }
}
