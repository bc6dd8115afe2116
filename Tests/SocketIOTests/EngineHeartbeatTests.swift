import SocketIO
import Testing

@Suite struct EngineHeartbeatTests {
    private static let settings = EngineSettings(pingInterval: 300, pingTimeout: 200)

    @Test("the server asks a websocket for a sign of life, again and again")
    func webSocket() {
        var play = Play(on: .webSocket, Self.settings)
        for _ in 0..<3 {
            #expect(play.session.deadline == play.now + 300)
            #expect(play.wait(299) == [])
            #expect(play.wait(1) == ["write 2"])
            #expect(play.session.deadline == play.now + 200)
            #expect(play.wait(199) == [])
            #expect(play.frame("3") == [])
        }
    }

    @Test("a poll brings the ping, and a POST the pong")
    func polling() {
        var play = Play(on: .polling, Self.settings)
        for _ in 0..<3 {
            #expect(play.poll() == [])
            #expect(play.wait(300) == ["answer 2"])
            #expect(play.wait(150) == [])
            #expect(play.post("3") == ["ok"])
        }
        #expect(play.session.isOpen)
    }

    @Test("a ping waits for its poll like any packet")
    func queued() {
        var play = Play(on: .polling, Self.settings)
        #expect(play.send("4a") == [])
        #expect(play.wait(300) == [])
        #expect(play.poll() == ["answer 4a 2"])
    }

    @Test("without a pong in time the session ends")
    func timeout() {
        var play = Play(on: .webSocket, Self.settings)
        #expect(play.wait(300) == ["write 2"])
        #expect(play.frame("4a") == ["message a"])
        #expect(play.wait(199) == [])
        #expect(play.wait(1) == ["close", "end pingTimeout"])

        play = Play(on: .polling, Self.settings)
        #expect(play.wait(300) == [])
        #expect(play.wait(200) == ["end pingTimeout"])
        #expect(play.poll() == ["400"])

        play = Play(on: .polling, Self.settings)
        #expect(play.poll() == [])
        #expect(play.wait(300) == ["answer 2"])
        #expect(play.poll() == [])
        #expect(play.wait(200) == ["answer 1", "end pingTimeout"])
    }

    @Test("who is not listened to owes no pong")
    func unheard() {
        var play = Play(on: .webSocket, Self.settings)
        #expect(play.wait(300) == ["write 2"])
        #expect(play.wait(199) == [])
        play.session.wasNotHeard(at: play.now)
        #expect(play.wait(299) == [])
        #expect(play.wait(1) == ["write 2"])
    }

    @Test("a pong that nobody asked for does not put off the next ping")
    func unasked() {
        var play = Play(on: .webSocket, Self.settings)
        #expect(play.wait(200) == [])
        #expect(play.frame("3") == [])
        #expect(play.wait(100) == ["write 2"])
    }

    @Test("the clock may come late")
    func late() {
        var play = Play(on: .webSocket, Self.settings)
        #expect(play.wait(10_000) == ["write 2"])
        #expect(play.session.deadline == play.now + 200)
    }

    @Test("a ping that is under way at the upgrade gets its full time")
    func upgrade() {
        var play = Play(on: .polling, Self.settings)
        #expect(play.wait(300) == [])
        #expect(play.wait(150) == [])
        #expect(play.openWebSocket() == [])
        #expect(play.frame("2probe") == ["write 3probe"])
        #expect(play.frame("5") == ["write 2"])
        #expect(play.wait(199) == [])
        #expect(play.frame("3") == [])
        #expect(play.session.deadline == play.now + 300)
    }
}
