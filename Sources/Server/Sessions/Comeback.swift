import Chat
import Cluster
import Dialects
import Storage

/// What a client missed that comes back to a node which did not hear it: it is read from the store, and put into words off
/// the event loops. Of what is kept nowhere, such as receipts, there is nothing.
struct Comeback {
    let user: User
    let name: DialectName
    /// The conversations whose rooms it has joined.
    let joined: Set<ConversationID>
    /// The last that the client heard.
    let start: StorePosition
    /// Whether it heard the message there only as one who has joined the conversation.
    let isPartial: Bool
    /// What comes behind is heard live.
    let end: StorePosition
    let node: NodeID
    /// The most that may have been missed.
    let bytes: Int

    /// The most messages that may have been missed, and the most notifications.
    private static let limit = 10_000

    /// - Returns: `nil` when that is too much, or can't be read.
    func frames(from store: ReadStore) -> [[UInt8]]? {
        var position = start
        if isPartial { position.message = MessageID(start.message.rawValue - 1) }
        let found = try? store.missed(by: user, after: position, upTo: end, limit: Self.limit, bytes: bytes)
        guard let events = found ?? nil else { return nil }
        var frames: [[UInt8]] = []
        var room = bytes
        for event in events {
            switch event {
            case .message(let message): position.message = message.id
            case .notification(let notification): position.notification = notification.id
            default: break
            }
            var words = Frames(event, EventOffset(.none, at: EventOffset.Place(node: node, position: position)))
            for role in event.roles(of: user, joined: joined) {
                if role == .joined, isPartial, position.message == start.message { continue }
                guard let frame = words.frame(for: name, as: role) else { continue }
                room -= frame.count
                frames.append(frame)
            }
            if room < 0 { return nil }
        }
        return frames
    }
}
