import Chat
import Testing

import struct Chat.Attachment

@Suite struct RoomNameTests {
    @Test(
        "letters, digits, underscore, dot and hyphen make a name",
        arguments: ["g", "general", "Tech-2", "a_b.c", ".", "-", "0", String(repeating: "x", count: 94)])
    func good(_ text: String) {
        #expect(RoomName(text)?.text == text)
    }

    @Test(
        "anything else is none",
        arguments: [
            "", " ", "a b", "a/b", "a%20b", "caf\u{e9}", "\u{661}", "a\n", "a\0", "@", "[", "`", "{", ":",
            String(repeating: "x", count: 95),
        ])
    func bad(_ text: String) {
        #expect(RoomName(text) == nil)
    }
}

@Suite struct ClientIDTests {
    @Test("1 to 64 bytes, of whatever text", arguments: ["a", " ", "\u{1F600}", String(repeating: "x", count: 64)])
    func good(_ text: String) {
        #expect(ClientID(text)?.text == text)
    }

    @Test(
        "nothing and 65 bytes are refused, however few letters they are",
        arguments: ["", String(repeating: "x", count: 65), "x" + String(repeating: "\u{1F600}", count: 16)])
    func bad(_ text: String) {
        #expect(ClientID(text) == nil)
    }
}

@Suite struct AttachmentTests {
    @Test(
        "an http or https URL of up to 2,048 characters",
        arguments: [
            "http://a", "https://bucket.s3.amazonaws.com/file.pdf", "https://a/é?x=1#y",
            "https://" + String(repeating: "x", count: 2040), "https://" + String(repeating: "\u{1F600}", count: 2040),
        ])
    func good(_ text: String) {
        #expect(Attachment(text)?.url == text)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", "http://", "https://", "ftp://a/b", "javascript:alert(1)", "data:text/html,x", "//a/b", "/a/b", "a",
            "https:/a", " https://a", "https://a b", "https://a\n", "https://a\0", "https://a\t",
            "https://" + String(repeating: "x", count: 2041),
        ])
    func bad(_ text: String) {
        #expect(Attachment(text) == nil)
    }
}

@Suite struct CounterActionTests {
    @Test(
        "an action moves the counter, or answers nil where 64 bits end",
        arguments: [
            (.increment(1), 41, 42), (.increment(-1), 0, -1), (.decrement(5), 3, -2), (.decrement(-5), 3, 8),
            (.reset, 99, 0), (.reset, .min, 0), (.increment(0), .max, .max),
            (.increment(1), .max, nil), (.increment(-1), .min, nil), (.decrement(1), .min, nil),
            (.decrement(-1), .max, nil), (.decrement(.min), 0, nil), (.decrement(.min), -1, .max),
            (.increment(.max), .min, -1), (.increment(.max), 0, .max),
        ] as [(CounterAction, Int64, Int64?)])
    func applied(_ action: CounterAction, _ value: Int64, _ expected: Int64?) {
        #expect(action.applied(to: value) == expected)
    }
}

@Suite struct PresenceTests {
    private let asha = UserID(1)
    private let ben = UserID(2)

    @Test("a person is present from the first connection to the end of the last")
    func connections() {
        var presence = Presence()
        #expect(!presence.isPresent(asha))
        presence.arrive(asha)
        presence.arrive(asha)
        #expect(presence.isPresent(asha))
        #expect(!presence.isPresent(ben))
        presence.leave(asha)
        #expect(presence.isPresent(asha))
        presence.leave(asha)
        #expect(!presence.isPresent(asha))
    }

    @Test("leaving without having come changes nothing")
    func unknown() {
        var presence = Presence()
        presence.leave(asha)
        presence.arrive(asha)
        #expect(presence.isPresent(asha))
    }

    @Test("the counter's connections are counted")
    func counter() {
        var presence = Presence()
        presence.joinCounter()
        presence.joinCounter()
        presence.leaveCounter()
        #expect(presence.counterUsers == 1)
    }
}
