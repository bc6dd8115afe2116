import Synchronization

/// What the server as a whole is doing.
final class ServerState: Sendable {
    private enum Stage {
        case serving, draining
        /// Nobody is waited for any more.
        case hurried
    }

    private let stage = Mutex(Stage.serving)
    private let requests: AsyncStream<Bool>
    private let continuation: AsyncStream<Bool>.Continuation

    init() { (requests, continuation) = AsyncStream.makeStream() }

    var isDraining: Bool { stage.withLock { $0 != .serving } }
    var isHurried: Bool { stage.withLock { $0 == .hurried } }

    /// The server is to stop; asked again, in a hurry.
    ///
    /// - Parameter atOnce: Whether all clients are sent away together.
    func stop(atOnce: Bool) {
        if !begin(atOnce: atOnce) { stage.withLock { $0 = .hurried } }
    }

    /// The server is to stop, in no hurry.
    func drain() { _ = begin(atOnce: false) }

    /// - Returns: `false` where it is stopping already.
    private func begin(atOnce: Bool) -> Bool {
        stage.withLock { stage in
            if stage != .serving { return false }
            stage = .draining
            continuation.yield(atOnce)
            return true
        }
    }

    /// Returns once the server is to stop.
    ///
    /// - Returns: Whether all clients are to be sent away together.
    func stopRequested() async -> Bool {
        for await atOnce in requests { return atOnce }
        return false
    }
}
