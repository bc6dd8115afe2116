import SocketIO
import Testing

@Suite struct EngineSessionPollingTests {
    @Test("the GET that opens a session is answered with what it needs to know")
    func handshake() {
        let settings = EngineSettings(pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000)
        let session = EngineSession(settings, sid: "lv_VI97HAXpY6yYWAAAC", on: .polling, at: 0)
        #expect(session.transport == .polling)
        #expect(
            session.nextOrder()?.text == "answer "
                + #"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":300,"#
                + #""pingTimeout":200,"maxPayload":1000000}"#)
        #expect(session.nextOrder() == nil)
    }

    @Test("the defaults are those of the protocol's reference")
    func defaults() {
        let session = EngineSession(EngineSettings(), sid: "a", on: .polling, at: 0)
        #expect(
            session.nextOrder()?.text == "answer "
                + #"0{"sid":"a","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        )
    }

    @Test("a poll waits for a packet")
    func waitingPoll() {
        var play = Play(on: .polling)
        #expect(play.poll() == [])
        #expect(play.send("4a") == ["answer 4a"])
        #expect(play.send("4b") == [])
    }

    @Test("a poll that is released is answered with nothing, and the next one waits")
    func releasedPoll() {
        var play = Play(on: .polling)
        play.session.releasePoll()
        #expect(play.poll() == [])
        play.session.releasePoll()
        #expect(play.orders() == ["answer 6"])
        #expect(play.poll() == [])
        #expect(play.send("4a") == ["answer 4a"])
    }

    @Test("packets wait for a poll, and leave together, in order, once")
    func waitingPackets() {
        var play = Play(on: .polling)
        #expect(play.send("4a") == [])
        #expect(play.send(.binary([1, 2, 3, 4])) == [])
        #expect(play.send("4b") == [])
        #expect(play.session.queuedBytes > 8)
        #expect(play.poll() == ["answer 4a bAQIDBA== 4b"])
        #expect(play.session.queuedBytes == 0)
        #expect(play.poll() == [])
    }

    @Test("an answer is no longer than maxPayload, unless one packet is")
    func answerLimit() {
        var play = Play(on: .polling, EngineSettings(maxPayload: 7))
        for packet in ["4ab", "4cd", "4ef", "4abcdefghi", "4j"] { #expect(play.send(packet) == []) }
        #expect(play.poll() == ["answer 4ab 4cd"])
        #expect(play.poll() == ["answer 4ef"])
        #expect(play.poll() == ["answer 4abcdefghi"])
        #expect(play.poll() == ["answer 4j"])
        #expect(play.poll() == [])
    }

    @Test("a POST brings messages, text and binary, and is answered")
    func post() {
        var play = Play(on: .polling)
        #expect(play.post("4hello") == ["message hello", "ok"])
        #expect(play.post("4a\u{1E}bAQIDBA==\u{1E}4b") == ["message a", "message [1, 2, 3, 4]", "message b", "ok"])
    }

    @Test("packets that mean nothing here do nothing", arguments: ["0", "5", "6", "3"])
    func outOfPlace(_ packet: String) {
        var play = Play(on: .polling)
        #expect(play.post(packet) == ["ok"])
        #expect(play.session.isOpen)
    }

    @Test("a second GET while one waits ends the session")
    func overlappingPolls() {
        var play = Play(on: .polling)
        #expect(play.poll() == [])
        #expect(play.poll() == ["400", "answer 1", "end overlap"])
        #expect(play.poll() == ["400"])
        #expect(play.post("4a") == ["400"])
    }

    @Test("a second POST while one is under way ends the session, and neither counts")
    func overlappingPosts() {
        var play = Play(on: .polling)
        #expect(play.poll() == [])
        let isAccepted = play.session.beginPost()
        #expect(isAccepted)
        #expect(play.post("4a") == ["400", "answer 1", "end overlap"])
        #expect(play.finishPost("4b") == ["400"])
    }

    @Test("a POST may come while a GET waits")
    func both() {
        var play = Play(on: .polling)
        #expect(play.poll() == [])
        #expect(play.post("4a") == ["message a", "ok"])
        #expect(play.send("4b") == ["answer 4b"])
    }

    @Test(
        "a payload with what is no packet ends the session, after what came before it",
        arguments: [
            ("abc", []), ("", []), ("4a\u{1E}", ["message a"]), ("4a\u{1E}7\u{1E}4b", ["message a"]), ("bA", []),
            ("2", []), ("4a\u{1E}2probe", ["message a"]),
        ] as [(String, [String])])
    func badPayload(_ payload: String, _ messages: [String]) {
        var play = Play(on: .polling)
        #expect(play.poll() == [])
        #expect(play.post(payload) == messages + ["400", "answer 1", "end badPacket"])
        #expect(play.poll() == ["400"])
    }

    @Test("a payload is as long as maxPayload, and no longer")
    func payloadLimit() {
        var play = Play(on: .polling, EngineSettings(maxPayload: 4))
        #expect(play.post("4abc") == ["message abc", "ok"])
        #expect(play.post("4abcd") == ["400", "end badPacket"])
    }

    @Test("a connection that breaks ends the session")
    func broken() {
        var play = Play(on: .polling)
        #expect(play.poll() == [])
        play.session.pollClosed()
        #expect(play.orders() == ["end transportClosed"])
        #expect(play.poll() == ["400"])

        play = Play(on: .polling)
        #expect(play.session.beginPost() == true)
        #expect(play.poll() == [])
        play.session.postClosed()
        #expect(play.orders() == ["answer 1", "end transportClosed"])
    }

    @Test("a connection that carries nothing may close")
    func idleConnections() {
        var play = Play(on: .polling)
        play.session.pollClosed()
        play.session.postClosed()
        #expect(play.orders() == [])
        #expect(play.session.isOpen)
    }

    @Test("a POST of which the server has taken in a part when it closes the session is not ok; taken in whole, it is")
    func closedWithinPost() {
        for (taken, answer) in [(1, "400"), (3, "ok")] {
            let play = Play(on: .polling)
            let body = "4a\u{1E}4b".bytes
            #expect(play.session.beginPost())
            for _ in 0..<taken { _ = play.session.nextMessage(inPost: body.span, at: play.now) }
            play.session.close(at: play.now)
            #expect(play.session.nextMessage(inPost: body.span, at: play.now) == nil)
            #expect((play.session.endPost() ? "ok" : "400") == answer)
        }
    }

    @Test("the client closes: a waiting poll is released, and what follows is ignored")
    func closedByClient() {
        var play = Play(on: .polling)
        #expect(play.poll() == [])
        #expect(play.post("4a\u{1E}1\u{1E}4b") == ["message a", "ok", "answer 6", "end closedByClient"])
        #expect(play.poll() == ["400"])
        #expect(play.send("4c") == ["drop"])
    }

    @Test("the server closes: a waiting poll hears it")
    func closedByServer() {
        var play = Play(on: .polling)
        #expect(play.poll() == [])
        #expect(play.close() == ["answer 1", "end closedByServer"])
        #expect(play.poll() == ["400"])
    }

    @Test("the server closes: the next poll hears it, after what was sent before")
    func closedLater() {
        var play = Play(on: .polling, EngineSettings(maxPayload: 5))
        for packet in ["4a", "4b", "4c"] { #expect(play.send(packet) == []) }
        #expect(play.close() == [])
        #expect(!play.session.isOpen)
        #expect(play.send("4d") == ["drop"])
        #expect(play.post("4e") == ["ok"])
        #expect(play.openWebSocket() == ["refused"])
        #expect(play.poll() == ["answer 4a 4b"])
        #expect(play.poll() == ["answer 4c"])
        #expect(play.poll() == ["answer 1", "end closedByServer"])
        #expect(play.poll() == ["400"])
    }

    @Test("the server closes: nobody waits for a poll for ever")
    func neverPolled() {
        var play = Play(on: .polling, EngineSettings(closeTimeout: 500))
        #expect(play.close() == [])
        #expect(play.session.deadline == play.now + 500)
        #expect(play.wait(499) == [])
        #expect(play.wait(1) == ["end closedByServer"])
        #expect(play.session.deadline == .max)
    }

    @Test("the server goes: a waiting poll fails, without a packet that says so")
    func abandoned() {
        var play = Play(on: .polling)
        #expect(play.poll() == [])
        #expect(play.abandon() == ["refuse", "end closedByServer"])
        #expect(play.poll() == ["400"])
        play = Play(on: .polling)
        #expect(play.abandon() == ["end closedByServer"])
        #expect(play.abandon() == [])
    }

    @Test("the server goes: what was sent before is fetched, and then the session is unknown")
    func abandonedLater() {
        var play = Play(on: .polling, EngineSettings(maxPayload: 5))
        for packet in ["4a", "4b", "4c"] { #expect(play.send(packet) == []) }
        #expect(play.abandon() == [])
        #expect(play.abandon() == [])
        #expect(play.send("4d") == ["drop"])
        #expect(play.openWebSocket() == ["refused"])
        #expect(play.poll() == ["answer 4a 4b"])
        #expect(play.poll() == ["answer 4c", "end closedByServer"])
        #expect(play.poll() == ["400"])
    }

    @Test("what waits for a poll is bounded")
    func queueLimit() {
        var play = Play(on: .polling, EngineSettings(queueLimit: 1000))
        var count = 0
        while play.session.isOpen, count < 1000 {
            count += 1
            let orders = play.send("4" + String(repeating: "a", count: 35))
            #expect(orders == (count <= 10 ? [] : ["end queueFull"]))
        }
        #expect(count == 11)
        // What never left is known yet.
        #expect(play.session.queuedBytes == 1000)
        #expect(play.poll() == ["400"])
    }

    @Test("many packets are taken in their order")
    func manyPackets() {
        var play = Play(on: .polling, EngineSettings(maxPayload: 100))
        for number in 1...500 { #expect(play.send("4\(number)") == []) }
        var received: [String] = []
        while let answer = play.poll().first {
            received += answer.dropFirst("answer ".count).split(separator: " ").map(String.init)
        }
        #expect(received == (1...500).map { "4\($0)" })
    }
}
