extension MutableSpan<UInt8> {
    /// Takes the mask off a part of a frame's payload, in place (RFC 6455, section 5.3).
    ///
    /// - Parameter key: The masking key, turned so that its lowest byte belongs to the first byte of the range.
    /// - Returns: Whether the uncovered bytes are all ASCII, which costs nothing to learn on the way.
    mutating func unmask(_ range: Range<Int>, key: UInt32) -> Bool {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        let wideKey = (UInt64(key) << 32 | UInt64(key)).littleEndian
        // Words at any address, which a span has no way to write; the precondition keeps them inside.
        return unsafe withUnsafeMutableBytes { bytes in
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[range])
            var offset = 0
            var seen = SIMD4<UInt64>.zero
            while part.count - offset >= 32 {
                seen |= unsafe part.uncover(at: offset, SIMD4(repeating: wideKey))
                offset += 32
            }
            var highBits = seen[0] | seen[1] | seen[2] | seen[3]
            while part.count - offset >= 8 {
                highBits |= unsafe part.uncover(at: offset, wideKey)
                offset += 8
            }
            var rest = key
            while offset < part.count {
                unsafe part[offset] ^= UInt8(truncatingIfNeeded: rest)
                highBits |= UInt64(unsafe part[offset])
                rest = rest.turned(by: 1)
                offset += 1
            }
            return highBits & 0x8080_8080_8080_8080 == 0
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Takes the mask off the word at `offset`.
    fileprivate func uncover(at offset: Int, _ key: UInt64) -> UInt64 {
        let word = unsafe loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ key
        unsafe storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
        return word
    }

    fileprivate func uncover(at offset: Int, _ key: SIMD4<UInt64>) -> SIMD4<UInt64> {
        let words = unsafe loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self) ^ key
        unsafe storeBytes(of: words, toByteOffset: offset, as: SIMD4<UInt64>.self)
        return words
    }
}

extension UInt32 {
    /// The masking key for what follows `count` bytes of payload.
    func turned(by count: Int) -> UInt32 {
        let bits = UInt32(truncatingIfNeeded: count & 3) * 8
        return self &>> bits | self &<< (32 &- bits)
    }
}
