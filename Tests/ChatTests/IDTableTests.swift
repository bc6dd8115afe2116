import Testing

@testable import Chat

struct IDTableTests {
    @Test func holdsWhatADictionaryHolds() {
        // Few keys, so that they meet; some are alike but for their high bits, negative, or extreme.
        let keys = (0..<40).map(Int64.init) + (1...20).map { Int64($0) << 40 } + [-1, -7, .min, .max]
        var generator = SplitMix64(state: 20_261_126)
        var table = IDTable<User, Int>()
        var dictionary: [Int64: Int] = [:]
        for step in 0..<50_000 {
            let key = keys.randomElement(using: &generator)!
            switch Int.random(in: 0..<5, using: &generator) {
            case 0, 1:
                table[UserID(key)] = step
                dictionary[key] = step
            case 2, 3:
                table[UserID(key)] = nil
                dictionary[key] = nil
            default:
                if step % 2000 == 0 {
                    table.removeAll()
                    dictionary = [:]
                }
            }
            #expect(table.count == dictionary.count)
            #expect(table[UserID(key)] == dictionary[key])
            if step % 100 == 0 { for key in keys { #expect(table[UserID(key)] == dictionary[key]) } }
        }
    }

    @Test func growsWithManyIDs() {
        var table = IDTable<Conversation, String>()
        for id in 1...10_000 { table[ConversationID(Int64(id))] = "\(id)" }
        #expect(table.count == 10_000)
        for id in 1...10_000 { #expect(table[ConversationID(Int64(id))] == "\(id)") }
        #expect(table[ConversationID(0)] == nil)
        #expect(table[ConversationID(10_001)] == nil)
    }

    @Test func letsGoOfWhatItHeld() {
        final class Held {}
        weak var held: Held?
        var table = IDTable<User, Held>()
        do {
            let one = Held()
            held = one
            table[UserID(1)] = one
        }
        #expect(held != nil)
        table[UserID(1)] = nil
        #expect(held == nil)
    }

    /// Steele, Lea and Flood, Fast splittable pseudorandom number generators (2014): the same numbers in every run.
    private struct SplitMix64: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }
}
