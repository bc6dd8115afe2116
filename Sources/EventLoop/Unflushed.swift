/// The streams that have something to write at the end of a turn. Each is counted once, until it was flushed; an array of
/// streams would count it with every look.
@safe struct Unflushed: ~Copyable {
    @safe private struct Entry {
        let descriptor: Int32
        let stream: Unmanaged<SocketStream>
    }

    private var entries: [Entry] = []

    var isEmpty: Bool { entries.isEmpty }

    mutating func add(_ stream: SocketStream) {
        unsafe entries.append(Entry(descriptor: stream.descriptorInUse, stream: .passRetained(stream)))
    }

    /// Meanwhile none may be added.
    ///
    /// - Parameter batch: For what many of them write first.
    mutating func flush(through batch: SendBatch?) {
        // What the kernel has of sockets lies in its memory as they were opened. One behind the other they are written to for a
        // tenth less than across (docs/PERFORMANCE.md).
        entries.sort { $0.descriptor < $1.descriptor }
        if let batch, entries.count > 1 {
            for index in entries.indices { unsafe entries[index].stream._withUnsafeGuaranteedRef { $0.add(to: batch) } }
            batch.finish()
        }
        for index in entries.indices { unsafe entries[index].stream.takeRetainedValue().flush() }
        entries.removeAll(keepingCapacity: true)
    }

    deinit {
        for index in entries.indices { unsafe entries[index].stream.release() }
    }
}
