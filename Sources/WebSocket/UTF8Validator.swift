/// Checks UTF-8 that arrives in pieces, and refuses it at the first byte that no valid text could have there:
/// overlong forms, surrogates and everything past U+10FFFF included (RFC 3629).
package struct UTF8Validator: Equatable, Sendable {
    /// One of ``Step``'s states.
    private var state = UInt8(Step.boundary)

    package init() {}

    /// Whether the text could end here, between two scalars. `false` after a refusal.
    package var isComplete: Bool { state == Step.boundary }

    /// Takes the next bytes of the text.
    ///
    /// - Returns: The index of the first wrong byte, or `nil`. After a refusal every further byte is wrong.
    /// - Complexity: O(*n*), eight bytes at a time where they are ASCII.
    package mutating func firstInvalidIndex(in bytes: Span<UInt8>) -> Int? {
        let steps = Step.table.span
        var state = UInt64(state)
        defer { self.state = UInt8(state) }
        var index = 0
        while index < bytes.count {
            let end = min(index + 8, bytes.count)
            if state == Step.boundary, end - index == 8, bytes.isASCII(eightFrom: index) {
                index = end
                continue
            }
            let before = state
            for position in index..<end { state = steps[Int(bytes[position])] &>> state }
            state &= Step.mask
            if state == Step.invalid {
                state = before
                return (index..<end).first { position in
                    state = (steps[Int(bytes[position])] &>> state) & Step.mask
                    return state == Step.invalid
                }
            }
            index = end
        }
        return nil
    }
}

/// A state machine whose states are shift distances: a byte's word holds, at the distance of every state, the state
/// that follows. A step is then one load and one shift, and a state is the low six bits of the result.
private enum Step {
    static let mask: UInt64 = 63

    static let invalid: UInt64 = 0
    static let boundary: UInt64 = 6
    static let oneMore: UInt64 = 12
    static let twoMore: UInt64 = 18
    static let threeMore: UInt64 = 24
    // After these first bytes the second one has a narrower range (RFC 3629, section 4).
    static let afterE0: UInt64 = 30
    static let afterED: UInt64 = 36
    static let afterF0: UInt64 = 42
    static let afterF4: UInt64 = 48

    static let table: [UInt64] = (0...255).map { byte in
        transitions(on: byte).reduce(0) { word, transition in word | transition.to << transition.from }
    }

    private static func transitions(on byte: Int) -> [(from: UInt64, to: UInt64)] {
        switch byte {
        case 0x00...0x7F: [(boundary, boundary)]
        case 0x80...0xBF:
            [
                (oneMore, boundary), (twoMore, oneMore), (threeMore, twoMore),
                byte >= 0xA0 ? (afterE0, oneMore) : (afterED, oneMore),
                byte >= 0x90 ? (afterF0, twoMore) : (afterF4, twoMore),
            ]
        case 0xC2...0xDF: [(boundary, oneMore)]
        case 0xE0: [(boundary, afterE0)]
        case 0xED: [(boundary, afterED)]
        case 0xE1...0xEF: [(boundary, twoMore)]
        case 0xF0: [(boundary, afterF0)]
        case 0xF1...0xF3: [(boundary, threeMore)]
        case 0xF4: [(boundary, afterF4)]
        default: []
        }
    }
}

extension Span<UInt8> {
    fileprivate func isASCII(eightFrom index: Int) -> Bool {
        // Any eight bytes make a word, and the offset is checked.
        let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
        return word & 0x8080_8080_8080_8080 == 0
    }
}
