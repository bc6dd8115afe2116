extension [UInt8] {
    package init(copying bytes: Span<UInt8>) {
        // The pointer goes no further than the call that copies from it.
        self = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
    }
}
