/// The streams that have something to write at the end of a turn. Each is counted once, until it was flushed; an array of
/// streams would count it with every look.
@safe struct Unflushed: ~Copyable {
    private var streams: [Unmanaged<SocketStream>] = unsafe []

    var isEmpty: Bool { unsafe streams.isEmpty }

    mutating func add(_ stream: SocketStream) { unsafe streams.append(.passRetained(stream)) }

    /// Meanwhile none may be added.
    ///
    /// - Parameter batch: For what many of them write first.
    mutating func flush(through batch: SendBatch?) {
        if let batch, unsafe streams.count > 1 {
            for index in unsafe streams.indices { unsafe streams[index]._withUnsafeGuaranteedRef { $0.add(to: batch) } }
            batch.finish()
        }
        for index in unsafe streams.indices { unsafe streams[index].takeRetainedValue().flush() }
        unsafe streams.removeAll(keepingCapacity: true)
    }

    deinit {
        for index in unsafe streams.indices { unsafe streams[index].release() }
    }
}
