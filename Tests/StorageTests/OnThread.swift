import Foundation
import Synchronization

/// Something that runs on a thread of its own from now on: what blocks must not hold the few threads that tasks have.
final class OnThread<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let isDone = DispatchSemaphore(value: 0)

    init(_ body: @escaping @Sendable () throws -> Value) {
        Thread.detachNewThread { [self] in
            let outcome = Result { try body() }
            result.withLock { $0 = outcome }
            isDone.signal()
        }
    }

    /// Waits for its end; once.
    @discardableResult func join() throws -> Value? {
        isDone.wait()
        return try result.withLock { $0 }?.get()
    }
}
