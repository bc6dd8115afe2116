import Chat

/// What a connection would have heard while a history is looked up for it. It leaves in its place: what the history
/// holds before it, and what came later behind it. So a client that puts the history in the place of what it showed
/// misses nothing, and hears nothing again.
final class HeldFrames {
    /// The history, once it is there: the frame, and the newest message in it.
    private(set) var reply: (frame: [UInt8]?, newest: MessageID)?
    private var frames: [(frame: [UInt8], message: MessageID?)] = []
    private(set) var bytes = 0

    func append(_ frame: [UInt8], _ message: MessageID?) {
        frames.append((frame, message))
        bytes += frame.count
    }

    func answer(_ frame: [UInt8]?, newest: MessageID) { reply = (frame, newest) }

    /// All in order, the history at its place.
    func inOrder() -> [(frame: [UInt8], message: MessageID?)] {
        guard let reply else { return frames }
        let end = frames.firstIndex { $0.message.map { $0 > reply.newest } ?? false } ?? frames.count
        // Without a message up to there, what is heard is no part of the history.
        let place = frames[..<end].lastIndex { $0.message != nil }.map { $0 + 1 } ?? 0
        var all = frames
        if let frame = reply.frame { all.insert((frame, nil), at: place) }
        return all
    }
}
