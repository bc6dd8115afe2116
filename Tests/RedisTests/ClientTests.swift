import EventLoop
import Foundation
import Testing

@testable import Redis

/// Something that speaks like Redis, as the test wants it to.
private final class Server: SocketStreamDelegate {
    /// The commands of all connections so far.
    var commands: [[String]] = []
    /// What is answered; `nil` ends the connection.
    var answer: ([String]) -> String? = { _ in "+OK\r\n" }
    private var reader = ReplyReader(limit: 1 << 20)
    private(set) var stream: SocketStream?
    private var listener: Listener?

    init(_ path: String, on loop: EventLoop) throws {
        listener = try Listener(try BoundSocket.local(path), on: loop) { [unowned self] stream, _ in
            self.stream = stream
            reader = ReplyReader(limit: 1 << 20)
            stream.delegate = self
            stream.startReading()
        }
    }

    func received(_ bytes: inout MutableSpan<UInt8>) {
        try? reader.feed(bytes.span)
        while let words = try? reader.next()?.array {
            let command = words.map { String(decoding: $0.bytes ?? [], as: UTF8.self) }
            commands.append(command)
            guard let answer = answer(command) else { stream?.close(); return }
            stream?.send(Array(answer.utf8))
        }
    }

    func say(_ text: String) { stream?.send(Array(text.utf8)) }
    func receivedEnd() { stream?.close() }
    func overflowed() {}
    func drained() {}
    func closed() {}
}

@Suite(.timeLimit(.minutes(1))) struct ClientTests {
    /// Runs `body` on a loop with a server; ends when it calls what it is given.
    private func play(
        user: String = "", _ body: @escaping @Sendable (Server, RedisURL, EventLoop, @escaping () -> Void) -> Void
    ) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "sb-\(UUID().uuidString.prefix(13))").path
        let url = try RedisURL("unix://\(user)\(path)")
        let loop = EventLoop()
        await withCheckedContinuation { continuation in
            loop.submit {
                guard let server = try? Server(path, on: loop) else { return continuation.resume() }
                body(server, url, loop) {
                    server.answer = { _ in nil }
                    continuation.resume()
                }
            }
        }
        loop.stop()
    }

    @Test("it signs in, then each command gets the answer that is its own")
    func commands() async throws {
        try await play(user: "ann:pw@") { server, url, loop, end in
            server.answer = { $0[0] == "ECHO" ? "$1\r\n\($0[1])\r\n" : "+OK\r\n" }
            let client = RedisClient(url, on: loop)
            client.onState = { state in
                guard state == .connected else { return }
                var answers: [RedisReply?] = []
                for number in 0..<3 {
                    client.send(RedisCommand("ECHO", .init(number))) {
                        answers.append($0.value)
                        if answers.count < 3 { return }
                        #expect(answers == [.string([48]), .string([49]), .string([50])])
                        #expect(server.commands.prefix(2) == [["AUTH", "ann", "pw"], ["PING"]])
                        client.close()
                        end()
                    }
                }
            }
            client.send(RedisCommand("PING")) { #expect($0 == .failure(.notConnected)) }
            client.start()
        }
    }

    @Test("what has no answer when the connection ends fails, and the connection is made again")
    func lost() async throws {
        try await play { server, url, loop, end in
            server.answer = { $0[0] == "GET" ? nil : "+OK\r\n" }
            let client = RedisClient(url, on: loop)
            var connections = 0
            var results: [RedisResult] = []
            client.onState = { state in
                guard state == .connected else { return }
                connections += 1
                if connections == 1 {
                    for _ in 0..<2 { client.send(RedisCommand("GET", "a")) { results.append($0) } }
                } else {
                    #expect(results == [.failure(.lost), .failure(.lost)])
                    client.close()
                    end()
                }
            }
            client.start()
        }
    }

    @Test("an answer that nobody asked for ends the connection, not the process")
    func unasked() async throws {
        try await play { server, url, loop, end in
            let client = RedisClient(url, on: loop)
            var states: [RedisLink.State] = []
            client.onState = { state in
                states.append(state)
                if states.count == 1 { return server.say(":1\r\n") }
                if states.count != 3 { return }
                #expect(
                    states == [
                        .connected, .connecting(.init(description: "a reply that nobody asked for")), .connected,
                    ])
                client.close()
                end()
            }
            client.start()
        }
    }

    @Test("there is a limit to the commands that wait")
    func limits() async throws {
        try await play { server, url, loop, end in
            server.answer = { $0[0] == "PING" ? "+PONG\r\n" : "" }
            var limits = RedisLink.Limits()
            limits.commands = 2
            let client = RedisClient(url, on: loop, limits: limits)
            client.onState = { state in
                guard state == .connected else { return }
                var results: [RedisResult] = []
                for _ in 0..<3 { client.send(RedisCommand("GET", "a")) { results.append($0) } }
                #expect(results == [.failure(.tooMany)])
                client.close()
                #expect(results == [.failure(.tooMany), .failure(.closed), .failure(.closed)])
                end()
            }
            client.start()
        }
    }

    @Test("what is subscribed to is subscribed to again, and bytes come as they are")
    func subscriptions() async throws {
        try await play { server, url, loop, end in
            server.answer = { command in
                command[0] == "PING"
                    ? "+PONG\r\n"
                    : command.dropFirst().map {
                        "*3\r\n$\(command[0].utf8.count)\r\n\(command[0].lowercased())\r\n$\($0.utf8.count)\r\n\($0)\r\n:1\r\n"
                    }.joined()
            }
            let subscriber = RedisSubscriber(url, on: loop)
            var times = 0
            subscriber.subscribe([.channel("a"), .channel("gone"), .pattern("b*")])
            subscriber.unsubscribe([.channel("gone")])
            subscriber.onReady = {
                times += 1
                if times == 1 { return server.stream!.close() }
                server.say("*4\r\n$8\r\npmessage\r\n$2\r\nb*\r\n$2\r\nbc\r\n$2\r\n\r\n\r\n")
            }
            subscriber.onMessage = { topic, channel, payload in
                #expect(topic == .pattern("b*") && channel == "bc" && payload == [13, 10])
                #expect(server.commands.filter { $0 == ["SUBSCRIBE", "a"] }.count == 2)
                subscriber.close()
                end()
            }
            subscriber.start()
        }
    }
}
