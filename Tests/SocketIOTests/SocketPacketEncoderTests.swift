import JSON
import SocketIO
import Testing

@Suite struct SocketPacketEncoderTests {
    @Test("the examples of the protocol are made, as messages")
    func examples() {
        typealias Encoder = SocketPacketEncoder
        #expect(String(Encoder.connected(sid: "wZX3oN0bSVIhsaknAAAI")) == #"40{"sid":"wZX3oN0bSVIhsaknAAAI"}"#)
        #expect(String(Encoder.connected(to: "/admin", sid: "oSO0OpakMV")) == #"40/admin,{"sid":"oSO0OpakMV"}"#)
        #expect(String(Encoder.refused("Not authorized")) == #"44{"message":"Not authorized"}"#)
        #expect(String(Encoder.event("foo") { _ in }) == #"42["foo"]"#)
        #expect(String(Encoder.event("bar", to: "/admin") { _ in }) == #"42/admin,["bar"]"#)
        #expect(
            String(Encoder.event("baz", attachments: 1) { $0.placeholder(0) })
                == #"451-["baz",{"_placeholder":true,"num":0}]"#)
        #expect(
            String(
                Encoder.event("baz", to: "/admin", attachments: 2) {
                    $0.placeholder(0)
                    $0.placeholder(1)
                }) == #"452-/admin,["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
        #expect(String(Encoder.event("foo", id: 12) { _ in }) == #"4212["foo"]"#)
        #expect(String(Encoder.acknowledgement(of: 12) { _ in }) == "4312[]")
        #expect(String(Encoder.event("foo", to: "/admin", id: 13) { _ in }) == #"42/admin,13["foo"]"#)
        #expect(
            String(Encoder.acknowledgement(of: 13, to: "/admin") { $0.append("bar") }) == #"43/admin,13["bar"]"#)
        #expect(
            String(Encoder.event("foo", id: 14, attachments: 1) { $0.placeholder(0) })
                == #"451-14["foo",{"_placeholder":true,"num":0}]"#)
        #expect(
            String(
                Encoder.acknowledgement(of: 15, attachments: 1) {
                    $0.append("bar")
                    $0.placeholder(0)
                }) == #"461-15["bar",{"_placeholder":true,"num":0}]"#)
        #expect(String(Encoder.disconnected()) == "41")
        #expect(String(Encoder.disconnected(from: "/admin")) == "41/admin,")
    }

    @Test("where a connection can be recovered, the client learns how")
    func recovery() {
        #expect(String(SocketPacketEncoder.connected(sid: "a", pid: "b")) == #"40{"sid":"a","pid":"b"}"#)
    }

    @Test("a packet is put behind what is there")
    func behind() {
        let room: [UInt8] = [0, 0]
        let event = SocketPacketEncoder.event("a", behind: room) { $0.append(1) }
        #expect(event == room + #"42["a",1]"#.bytes)
    }

    @Test("names are escaped")
    func escapes() {
        #expect(String(SocketPacketEncoder.event("a\"\u{1E}") { _ in }) == #"42["a\"\u001e"]"#)
    }
}
