import Testing
import WebSocket

@Suite struct ClosePayloadTests {
    @Test("the codes that may be sent are those of the standard and of applications")
    func codes() {
        let allowed = Set(Array(1000...1003) + Array(1007...1014) + Array(3000...4999)).map(UInt16.init)
        #expect((UInt16.min...UInt16.max).filter { CloseCode($0).mayBeSent } == allowed.sorted())
    }

    @Test("every code that may be sent is read and written")
    func roundTrip() throws {
        for code in (UInt16.min...UInt16.max).map(CloseCode.init(_:)) where code.mayBeSent {
            let payload = ClosePayload(code, reason: "bis später")
            #expect(try ClosePayload(parsing: payload.encoded) == payload)
        }
    }

    @Test("no payload stands for no code, both ways")
    func none() throws {
        #expect(try ClosePayload(parsing: []) == ClosePayload(.noneReceived))
        #expect(ClosePayload(.noneReceived, reason: "unsaid").encoded == [])
    }

    @Test("a lone byte is refused", arguments: [0x00, 0x03, 0xFF] as [UInt8])
    func loneByte(_ byte: UInt8) {
        #expect(throws: WebSocketError.shortClose) { try ClosePayload(parsing: [byte]) }
    }

    @Test(
        "a code that may not be sent is refused", arguments: [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] as [UInt16])
    func invalidCode(_ code: UInt16) {
        #expect(throws: WebSocketError.invalidCloseCode) { try ClosePayload(parsing: bigEndian(code)) }
    }

    @Test("a reason that is no UTF-8 is refused", arguments: [[0xFF], [0xC3], [0xED, 0xA0, 0x80]] as [[UInt8]])
    func invalidReason(_ reason: [UInt8]) {
        #expect(throws: WebSocketError.invalidUTF8) { try ClosePayload(parsing: ([0x03, 0xE8] + reason)) }
    }

    static let reasons: [(reason: String, sent: String)] = [
        (String(repeating: "a", count: 123), String(repeating: "a", count: 123)),
        (String(repeating: "a", count: 124), String(repeating: "a", count: 123)),
        (String(repeating: "é", count: 62), String(repeating: "é", count: 61)),
        (String(repeating: "a", count: 122) + "é!", String(repeating: "a", count: 122)),
        (String(repeating: "😀", count: 31), String(repeating: "😀", count: 30)),
    ]

    @Test("a long reason is cut between two scalars", arguments: reasons)
    func truncation(_ reason: String, _ sent: String) {
        #expect(ClosePayload(.normal, reason: reason).encoded == [0x03, 0xE8] + Array(sent.utf8))
    }
}
