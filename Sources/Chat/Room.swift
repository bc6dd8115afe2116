/// The name of a room (INTEROP.md, rooms): 1 to 94 of `A-Z a-z 0-9 _ . -`.
package struct RoomName: Hashable, Sendable {
    package let text: String

    /// - Parameter text: After percent-decoding.
    package init?(_ text: String) {
        let isNameByte = { (byte: UInt8) in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard (1...94).contains(text.utf8.count), text.utf8.allSatisfy(isNameByte) else { return nil }
        self.text = text
    }
}

/// What happens in a room.
package enum RoomEvent: Sendable {
    /// Said to everybody in the room, the speaker included.
    case said(text: String, username: String, at: Timestamp)
    /// To everybody but the one who came or went.
    case joined
    case left
}
