public import Synchronization

/// A queue from any thread to one reader: append under a short lock, wake once, drain whole.
///
/// Its code is inlinable so that each message type gets its own: unspecialized, a post costs several times as much.
/// Under load everything batches by itself: while the reader works on one batch, the next one gathers.
public final class Mailbox<Message: Sendable>: Sendable {
    @usableFromInline let waiting = Mutex<[Message]>([])
    @usableFromInline let limit: Int
    @usableFromInline let wake: @Sendable () -> Void

    /// - Parameters:
    ///   - limit: How many messages may wait; ``post(_:)`` refuses what is beyond.
    ///   - wake: Called once when the mailbox stops being empty, on the poster's thread.
    @inlinable public init(limit: Int = .max, wake: @escaping @Sendable () -> Void) {
        self.limit = limit
        self.wake = wake
    }

    /// Appends one message; `false` when the limit is reached and nothing was appended.
    @discardableResult
    @inlinable public func post(_ message: Message) -> Bool {
        let before = waiting.withLock { queue in
            let before = queue.count
            if before < limit { queue.append(message) }
            return before
        }
        if before == 0 { wake() }
        return before < limit
    }

    /// Appends messages in order, whatever the limit is: for what was accepted already.
    ///
    /// - Parameter messages: Empty afterwards.
    @inlinable public func post(contentsOf messages: inout [Message]) {
        if messages.isEmpty { return }
        let wasEmpty = waiting.withLock { queue in
            let wasEmpty = queue.isEmpty
            // A whole batch is taken over as it is.
            if wasEmpty { swap(&queue, &messages) } else { queue.append(contentsOf: messages) }
            return wasEmpty
        }
        messages.removeAll(keepingCapacity: true)
        if wasEmpty { wake() }
    }

    /// Swaps what has gathered with `batch`, which should be empty and brings its capacity along.
    @inlinable public func drain(into batch: inout [Message]) {
        waiting.withLock { swap(&$0, &batch) }
    }

    @inlinable public var count: Int { waiting.withLock { $0.count } }
}
