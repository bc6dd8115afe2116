extension [UInt8] {
    /// Appends a copy of the bytes.
    ///
    /// - Parameter more: How many are known to follow. An array that has to grow makes room for them too, but never more
    ///   than it already deserves: a length that is only claimed costs nothing.
    mutating func append(_ bytes: Span<UInt8>, expecting more: Int = 0) {
        let needed = count + bytes.count
        if needed > capacity { reserveCapacity(Swift.max(2 * count, needed + Swift.min(more, 3 * needed))) }
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
