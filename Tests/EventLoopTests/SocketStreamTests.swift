import EventLoop
import Testing

@Suite struct SocketStreamTests {
    /// Runs `body` with two connected ends on a loop's thread; gives back what it calls its last argument with.
    private func withConnection<Result: Sendable>(
        _ body: @escaping @Sendable (_ client: End, _ server: End, _ done: @escaping (Result) -> Void) -> Void
    ) async throws -> Result {
        try await withLoop { loop in
            try await withCheckedThrowingContinuation { continuation in
                loop.submit {
                    do {
                        try connect(on: loop) { client, server in
                            body(client, server) { continuation.resume(returning: $0) }
                        }
                    } catch {
                        continuation.resume(throwing: error)
                    }
                }
            }
        }
    }

    private static let megabytes10 = 10 << 20

    // MARK: - Echo

    @Test(
        "an echo gives back what was sent, and its end after it",
        arguments: [
            [1], [5, 1, 300], Array(repeating: 100, count: 1000), [65_536], [65_537],
            Array(repeating: 40_000, count: 50),
            [10, 70_000, 10, 65_536, 1, 200_000, 10], [megabytes10],
        ])
    func echo(_ sizes: [Int]) async throws {
        let bytes = pattern(sizes.reduce(0, +))
        let echoed: [UInt8] = try await withConnection { client, server, done in
            server.onBytes = { end, bytes in end.stream.send(bytes) }
            server.onEnd = { $0.stream.finish() }
            client.onEnd = { done($0.received) }
            server.stream.startReading()
            client.stream.startReading()
            var start = 0
            for size in sizes {
                client.stream.send(Array(bytes[start..<start + size]))
                start += size
            }
            client.stream.finish()
        }
        #expect(echoed == bytes)
    }

    @Test("where much is sent to one receiver, input has its turn before more is")
    func readsMeanwhile() async throws {
        let piece = [UInt8](repeating: 7, count: 60_000)
        let turns: [Int] = try await withLoop { loop in
            try await withCheckedThrowingContinuation { continuation in
                loop.submit {
                    do {
                        try connect(on: loop) { client, server in
                            var (turns, received): ([Int], Int) = ([], 0)
                            client.onBytes = { _, bytes in
                                received += bytes.count
                                if received == 200 * piece.count { continuation.resume(returning: turns) }
                            }
                            client.stream.startReading()
                            // A turn goes on for eight rounds as long as there is something to do.
                            loop.onEndOfTurn {
                                if turns.count == 20 { return false }
                                turns.append(loop.work.turns)
                                for _ in 0..<10 { server.stream.send(piece) }
                                return true
                            }
                        }
                    } catch {
                        continuation.resume(throwing: error)
                    }
                }
            }
        }
        #expect(Set(turns).count == 20)
    }

    @Test("a reader that pauses after every piece gets all of it")
    func slowReader() async throws {
        let bytes = pattern(Self.megabytes10)
        let received: [UInt8] = try await withConnection { client, server, done in
            var isPaused = false
            client.onBytes = { end, _ in
                end.stream.stopReading()
                isPaused = true
            }
            client.stream.loop.onEndOfTurn {
                if isPaused { client.stream.startReading() }
                isPaused = false
                return false
            }
            client.onEnd = { done($0.received) }
            client.stream.startReading()
            for start in stride(from: 0, to: bytes.count, by: 1000) {
                server.stream.send(Array(bytes[start..<min(start + 1000, bytes.count)]))
            }
            server.stream.finish()
        }
        #expect(received == bytes)
    }

    @Test("what nobody reads waits, is counted, and is told of once it is gone")
    func backpressure() async throws {
        let size = Self.megabytes10
        let waiting: [Int] = try await withConnection { client, server, done in
            var waiting: [Int] = []
            server.onDrained = { end in
                waiting.append(end.stream.queuedBytes)
                done(waiting)
            }
            server.stream.tellWhenDrained()
            server.stream.send(pattern(size))
            waiting.append(server.stream.queuedBytes)
            // A turn later the kernel has what it takes; nobody reads yet.
            var turns = 0
            client.stream.loop.onEndOfTurn {
                turns += 1
                if turns == 2 {
                    waiting.append(server.stream.queuedBytes)
                    client.stream.startReading()
                }
                return turns < 2
            }
        }
        #expect(waiting.count == 3)
        #expect((size...size + 1000).contains(waiting[0]))
        #expect((1..<size).contains(waiting[1]))
        #expect(waiting.last == 0)
    }

    @Test("reading that was stopped leaves the bytes in the kernel")
    func stopReading() async throws {
        let text: String = try await withConnection { client, server, done in
            client.onBytes = { end, bytes in
                if end.received.count == 1 {
                    end.stream.stopReading()
                    server.stream.send(Array("bc".utf8))
                    server.stream.finish()
                    var turns = 0
                    end.stream.loop.onEndOfTurn {
                        turns += 1
                        if turns == 3 {
                            end.received += Array("|".utf8)
                            end.stream.startReading()
                        }
                        return turns < 3
                    }
                }
            }
            client.onEnd = { done(String(decoding: $0.received, as: UTF8.self)) }
            client.stream.startReading()
            server.stream.send(Array("a".utf8))
        }
        #expect(text == "a|bc")
    }

    // MARK: - The end

    @Test(
        "finishing delivers all that was sent before, and nothing that is sent after",
        arguments: [1, 70_000, megabytes10])
    func finish(_ size: Int) async throws {
        let received: [UInt8] = try await withConnection { client, server, done in
            client.onEnd = { done($0.received) }
            server.stream.send(pattern(size))
            server.stream.send([0xFF])
            server.stream.finish()
            server.stream.finish()
            server.stream.send([0xFE])
            client.stream.startReading()
        }
        #expect(received == pattern(size) + [0xFF])
    }

    @Test("after one side's end the other may still send")
    func halfClosed() async throws {
        let text: String = try await withConnection { client, server, done in
            server.onEnd = { end in
                end.stream.send(Array("late".utf8))
                end.stream.finish()
            }
            client.onEnd = { done(String(decoding: $0.received, as: UTF8.self)) }
            server.stream.startReading()
            client.stream.startReading()
            client.stream.finish()
        }
        #expect(text == "late")
    }

    @Test("closing says so once, however often it is done and whatever waits")
    func close() async throws {
        let heard: [String] = try await withConnection { client, server, done in
            var heard: [String] = []
            server.onClose = { end in
                heard.append("server closed")
                end.stream.close()
            }
            client.onEnd = { end in
                heard.append("client heard the end")
                end.stream.close()
                end.stream.close()
            }
            client.onClose = { _ in
                heard.append("client closed")
                done(heard)
            }
            client.stream.startReading()
            server.stream.startReading()
            server.stream.send([1])
            server.stream.close()
            server.stream.close()
            server.stream.send([2])
            server.stream.finish()
        }
        #expect(heard == ["server closed", "client heard the end", "client closed"])
    }

    @Test("a stream that another's reader closes says no more, though it has bytes in the same turn")
    func closedInTheSameTurn() async throws {
        let heard: [String] = try await withConnection { client, server, done in
            let loop = server.stream.loop
            do {
                try connect(on: loop) { otherClient, otherServer in
                    var heard: [String] = []
                    for (end, other) in [(server, otherServer), (otherServer, server)] {
                        end.onBytes = { _, _ in
                            heard.append("bytes")
                            other.stream.close()
                        }
                        end.onClose = { _ in heard.append("closed") }
                        end.stream.startReading()
                    }
                    client.stream.send([1])
                    otherClient.stream.send([1])
                    var turns = 0
                    loop.onEndOfTurn {
                        if heard.isEmpty { return false }
                        turns += 1
                        if turns == 3 { done(heard) }
                        return turns < 3
                    }
                }
            } catch {
                done([])
            }
        }
        #expect(heard == ["bytes", "closed"])
    }

    @Test("writing to a peer that is gone closes the stream, once")
    func peerGone() async throws {
        let closings: Int = try await withConnection { client, server, done in
            System.ignoreBrokenPipes()
            var closings = 0
            server.onClose = { _ in
                closings += 1
                done(closings)
            }
            client.stream.close()
            var isSent = false
            server.stream.loop.onEndOfTurn {
                if isSent { return false }
                isSent = true
                server.stream.send(pattern(1 << 20))
                return true
            }
        }
        #expect(closings == 1)
    }

    @Test("closing while the socket takes no more lets go of what waits")
    func closeWhileBlocked() async throws {
        let isClosed: Bool = try await withConnection { client, server, done in
            server.onClose = { done($0.stream.isClosed) }
            server.stream.send(pattern(SocketStreamTests.megabytes10))
            var turns = 0
            server.stream.loop.onEndOfTurn {
                turns += 1
                if turns == 2 { server.stream.close() }
                return turns < 2
            }
        }
        #expect(isClosed)
    }

    @Test("the end of the loop closes what is open")
    func stopLoop() async throws {
        let closings = AsyncStream<String>.makeStream()
        let loop = EventLoop()
        let isConnected: Bool = await withCheckedContinuation { continuation in
            loop.submit {
                do {
                    try connect(on: loop) { client, server in
                        client.onClose = { _ in closings.continuation.yield("client") }
                        server.onClose = { _ in closings.continuation.yield("server") }
                        continuation.resume(returning: true)
                    }
                } catch {
                    continuation.resume(returning: false)
                }
            }
        }
        #expect(isConnected)
        loop.stop()
        closings.continuation.finish()
        #expect(await closings.stream.reduce(into: []) { $0.append($1) }.sorted() == ["client", "server"])
    }

    // MARK: - Connecting

    @Test("where nobody listens there is no connection")
    func nobody() async {
        await withLoop { loop in
            let isConnected = await withCheckedContinuation { continuation in
                loop.submit {
                    _ = SocketStream(connectingTo: temporarySocketPath(), on: loop) { stream in
                        continuation.resume(returning: stream != nil)
                    }
                }
            }
            #expect(!isConnected)
        }
    }

    @Test("a local socket has no peer address, and its path at most 107 bytes")
    func localAddresses() async throws {
        #expect(try await withConnection { client, _, done in done(client.stream.peerAddress) } == "")
        #expect(throws: IOError.self) { try BoundSocket.local("/tmp/" + String(repeating: "x", count: 103)) }
    }

    @Test("an address that a server listens on is refused, alone and shared", arguments: [1, 2])
    func addressInUse(_ count: Int) async throws {
        let (address, sockets) = try BoundSocket.tcp(try #require(SocketAddress("127.0.0.1:0")), count: count)
        #expect(address.port != 0)
        #expect(sockets.count == count)
        await withLoop { loop in
            let listening = await onLoop(loop) {
                sockets.count { (try? Listener($0, on: loop) { stream, _ in stream.close() }) != nil }
            }
            #expect(listening == count)
            #expect(throws: IOError.addressInUse) { try BoundSocket.tcp(address, count: 1) }
            #expect(throws: IOError.addressInUse) { try BoundSocket.tcp(address, count: 2) }
        }
    }
}
