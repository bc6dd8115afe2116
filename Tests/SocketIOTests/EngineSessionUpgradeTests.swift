import SocketIO
import Testing

@Suite struct EngineSessionUpgradeTests {
    @Test("a probe is answered, and the upgrade packet moves the session")
    func upgrade() {
        var play = Play(on: .polling)
        #expect(play.openWebSocket() == [])
        #expect(play.session.transport == .polling)
        #expect(play.frame("2probe") == ["write 3probe"])
        #expect(play.session.transport == .polling)
        #expect(play.frame("5") == [])
        #expect(play.session.transport == .webSocket)
        #expect(play.frame("4a") == ["message a"])
        #expect(play.send("4b") == ["write"])
    }

    @Test("the probe releases a waiting poll, and so do later ones wait no more")
    func noop() {
        var play = Play(on: .polling)
        #expect(play.poll() == [])
        #expect(play.openWebSocket() == [])
        #expect(play.frame("2probe") == ["answer 6", "write 3probe"])
        #expect(play.poll() == ["answer 6"])
    }

    @Test("polling carries everything until the upgrade")
    func meanwhile() {
        var play = Play(on: .polling)
        #expect(play.openWebSocket() == [])
        #expect(play.poll() == [])
        #expect(play.send("4a") == ["answer 4a"])
        #expect(play.post("4b") == ["message b", "ok"])
        #expect(play.frame("2probe") == ["write 3probe"])
        #expect(play.send("4c") == [])
        #expect(play.post("4d") == ["message d", "ok"])
        #expect(play.poll() == ["answer 4c"])
    }

    @Test("packets that wait move with the session, in order, once")
    func moved() {
        var play = Play(on: .polling)
        #expect(play.send("4a") == [])
        #expect(play.openWebSocket() == [])
        #expect(play.frame("2probe") == ["write 3probe"])
        #expect(play.send(.binary([1, 2])) == [])
        #expect(play.send("4b") == [])
        #expect(play.frame("5") == ["write 4a", "write [1, 2]", "write 4b"])
        #expect(play.poll() == ["400"])
        #expect(play.send("4c") == ["write"])
    }

    @Test("they move as base64 where the client wants it")
    func movedBase64() {
        var play = Play(on: .polling)
        #expect(play.openWebSocket(base64: true) == [])
        #expect(play.send(.binary([1, 2, 3, 4])) == [])
        #expect(play.frame("2probe") == ["write 3probe"])
        #expect(play.frame("5") == ["write bAQIDBA=="])
    }

    @Test("after the upgrade GETs, POSTs and websockets are refused, and do no harm")
    func after() {
        var play = Play(on: .polling)
        play.upgrade()
        #expect(play.poll() == ["400"])
        #expect(play.post("4a") == ["400"])
        #expect(play.openWebSocket() == ["refused"])
        #expect(play.frame("4a") == ["message a"])
    }

    @Test("a second websocket is refused, and does no harm")
    func second() {
        var play = Play(on: .polling)
        #expect(play.openWebSocket() == [])
        #expect(play.openWebSocket() == ["refused"])
        #expect(play.frame("2probe") == ["write 3probe"])
        #expect(play.openWebSocket() == ["refused"])
        #expect(play.frame("5") == [])
        #expect(play.session.transport == .webSocket)
    }

    @Test("a POST that is under way at the upgrade still counts: its client was told so")
    func latePost() {
        var play = Play(on: .polling)
        let isAccepted = play.session.beginPost()
        #expect(isAccepted)
        play.upgrade()
        #expect(play.finishPost("4a") == ["message a", "ok"])
        #expect(play.frame("4b") == ["message b"])
    }

    @Test(
        "a websocket that does not probe is closed, and polling goes on",
        arguments: ["4a", "5", "2", "2probe2", "2prob", "3probe", "1", "abc", ""])
    func badProbe(_ text: String) {
        var play = Play(on: .polling)
        #expect(play.poll() == [])
        #expect(play.openWebSocket() == [])
        #expect(play.frame(text) == ["close"])
        #expect(play.webSocketCloses() == [])
        #expect(play.send("4b") == ["answer 4b"])
        #expect(play.openWebSocket() == [])
        #expect(play.frame("2probe") == ["write 3probe"])
    }

    @Test("a binary probe is none")
    func binaryProbe() {
        var play = Play(on: .polling)
        #expect(play.openWebSocket() == [])
        #expect(play.frame("2probe".bytes, isText: false) == ["close"])
        #expect(play.session.isOpen)
    }

    @Test("after the probe only the upgrade packet counts", arguments: ["4a", "1", "3", "6", "x"])
    func badUpgrade(_ text: String) {
        var play = Play(on: .polling)
        #expect(play.openWebSocket() == [])
        #expect(play.frame("2probe") == ["write 3probe"])
        #expect(play.frame("2probe") == ["write 3probe"])
        #expect(play.frame(text) == ["close"])
        #expect(play.poll() == [])
        #expect(play.session.transport == .polling)
    }

    @Test("a websocket that breaks before the upgrade does no harm")
    func broken() {
        var play = Play(on: .polling)
        #expect(play.send("4a") == [])
        #expect(play.openWebSocket() == [])
        #expect(play.frame("2probe") == ["write 3probe"])
        #expect(play.webSocketCloses() == [])
        #expect(play.poll() == ["answer 4a"])
        #expect(play.poll() == [])
    }

    @Test("an upgrade that is never completed ends in time, and polling goes on")
    func timeout() {
        var play = Play(on: .polling, EngineSettings(pingInterval: 100_000, upgradeTimeout: 10_000))
        #expect(play.openWebSocket() == [])
        #expect(play.session.deadline == play.now + 10_000)
        #expect(play.wait(5000) == [])
        #expect(play.frame("2probe") == ["write 3probe"])
        #expect(play.wait(4999) == [])
        #expect(play.wait(1) == ["close"])
        #expect(play.webSocketCloses() == [])
        #expect(play.poll() == [])
        #expect(play.send("4a") == ["answer 4a"])
    }

    @Test("a completed upgrade does not time out")
    func noTimeout() {
        var play = Play(on: .polling, EngineSettings(pingInterval: 100_000, upgradeTimeout: 10_000))
        play.upgrade()
        #expect(play.wait(20_000) == [])
        #expect(play.session.transport == .webSocket)
    }

    @Test("what ends the session ends the upgrade")
    func ended() {
        var play = Play(on: .polling)
        #expect(play.poll() == [])
        #expect(play.openWebSocket() == [])
        #expect(play.post("1") == ["ok", "answer 6", "close", "end closedByClient"])
        #expect(play.webSocketCloses() == [])

        play = Play(on: .polling)
        #expect(play.poll() == [])
        #expect(play.openWebSocket() == [])
        #expect(play.close() == ["answer 1", "close", "end closedByServer"])
        play = Play(on: .polling)
        #expect(play.openWebSocket() == [])
        #expect(play.abandon() == ["close", "end closedByServer"])
    }
}
