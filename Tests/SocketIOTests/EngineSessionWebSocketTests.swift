import SocketIO
import Testing

@Suite struct EngineSessionWebSocketTests {
    @Test("a websocket that opens a session gets what it needs to know, and no upgrades")
    func handshake() {
        let session = EngineSession(EngineSettings(), sid: "a", on: .webSocket, at: 0)
        #expect(session.transport == .webSocket)
        #expect(
            session.nextOrder()?.text == "write "
                + #"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#)
        #expect(session.nextOrder() == nil)
    }

    @Test("messages come and go one by one, text and binary")
    func messages() {
        var play = Play(on: .webSocket)
        #expect(play.frame("4hello") == ["message hello"])
        #expect(play.frame([1, 2, 3], isText: false) == ["message [1, 2, 3]"])
        #expect(play.frame("bAQID") == ["message [1, 2, 3]"])
        #expect(play.send("4a") == ["write"])
        #expect(play.send(.binary([1])) == ["write"])
    }

    @Test("what is sent before the open packet left comes behind it")
    func early() {
        let session = EngineSession(EngineSettings(), sid: "a", on: .webSocket, at: 0)
        #expect(session.send(.text("4a")) == .keep)
        #expect(session.nextOrder()?.text.hasPrefix("write 0{") == true)
        #expect(session.nextOrder()?.text == "write 4a")
        #expect(session.nextOrder() == nil)
    }

    @Test("a client without binary messages gets base64")
    func base64() {
        var play = Play(on: .webSocket, base64: true)
        #expect(play.send(.binary([1, 2, 3, 4])) == ["write bAQIDBA=="])
        #expect(play.send("4a") == ["write 4a"])
    }

    @Test("what is no packet ends the session", arguments: ["abc", "", "7", "2", "2probe", "bA"])
    func badPacket(_ text: String) {
        var play = Play(on: .webSocket)
        #expect(play.frame(text) == ["close", "end badPacket"])
        #expect(play.frame("4a") == [])
        #expect(play.send("4a") == ["drop"])
    }

    @Test("packets that mean nothing here do nothing", arguments: ["0", "5", "6", "3", "3probe"])
    func outOfPlace(_ text: String) {
        var play = Play(on: .webSocket)
        #expect(play.frame(text) == [])
        #expect(play.session.isOpen)
    }

    @Test("a message is as long as maxPayload, and no longer")
    func limit() {
        var play = Play(on: .webSocket, EngineSettings(maxPayload: 4))
        #expect(play.frame("4abc") == ["message abc"])
        #expect(play.frame("4abcd") == ["close", "end badPacket"])
        play = Play(on: .webSocket, EngineSettings(maxPayload: 4))
        #expect(play.frame([1, 2, 3, 4, 5], isText: false) == ["close", "end badPacket"])
    }

    @Test("each side may close, and the websocket may break")
    func closes() {
        var play = Play(on: .webSocket)
        #expect(play.frame("1") == ["close", "end closedByClient"])
        play = Play(on: .webSocket)
        #expect(play.close() == ["close", "end closedByServer"])
        #expect(play.webSocketCloses() == [])
        #expect(play.close() == [])
        play = Play(on: .webSocket)
        #expect(play.abandon() == ["close", "end closedByServer"])
        play = Play(on: .webSocket)
        #expect(play.webSocketCloses() == ["end transportClosed"])
    }

    @Test("what was sent to a client without binary messages reaches it before the server closes, and only then")
    func closesBehind() {
        var play = Play(on: .webSocket, base64: true)
        #expect(play.session.send(.text("41")) == .keep)
        #expect(play.session.send(.binary([1, 2, 3, 4])) == .keep)
        #expect(play.close() == ["write 41", "write bAQIDBA==", "close", "end closedByServer"])
        play = Play(on: .webSocket, base64: true)
        #expect(play.session.send(.text("4a")) == .keep)
        #expect(play.frame("1") == ["close", "end closedByClient"])
    }

    @Test("a session on a websocket has no polls, no POSTs, and no other websocket")
    func otherTransports() {
        var play = Play(on: .webSocket)
        #expect(play.poll() == ["400"])
        #expect(play.post("4a") == ["400"])
        #expect(play.openWebSocket() == ["refused"])
        #expect(play.frame("4a") == ["message a"])
    }
}
