import EventLoop
import Testing

/// Many streams that write in the same turn, and that can be read from in the same turn: by one system call where there is one,
/// or one by one.
@Suite struct ManyStreamsTests {
    /// More than one call takes.
    private static let count = 300

    /// What a stream sends, by its number: all kinds lie next to each other.
    private static func pieces(of number: Int) -> [[UInt8]] {
        let sizes: [Int] =
            switch number % 25 {
            // The kernel takes a part of it.
            case 0: [1 << 19]
            // More than is put together at once.
            case 1: [30_000, 30_000, 30_000, 1]
            case 2...5: [10, 200, 3000]
            case 6...9: Array(repeating: 100, count: 50)
            // About what is read of one among many.
            case 10...12: [1013 + number % 25]
            default: [1 + number]
            }
        return sizes.map { Array(pattern($0 + number)[number...]) }
    }

    /// Pairs of connected ends, made one after the other; to be used on their loop's thread.
    private static func connect(
        _ count: Int, on loop: EventLoop, _ pairs: [(client: End, server: End)] = [],
        _ body: @escaping ([(client: End, server: End)]) -> Void
    ) {
        if count == 0 { return body(pairs) }
        do {
            try EventLoopTests.connect(on: loop) { client, server in
                connect(count - 1, on: loop, pairs + [(client, server)], body)
            }
        } catch {
            Issue.record(error)
            body(pairs)
        }
    }

    /// What each client has heard until the end, where its number is not one of those who were `gone` by then; and how often
    /// each server's end was closed.
    private static func send(
        inBatches: Bool, gone: @escaping @Sendable (Int) -> Bool = { _ in false }
    ) async -> (heard: [[UInt8]], closings: [Int]) {
        System.ignoreBrokenPipes()
        let loop = EventLoop(usesBatches: inBatches)
        defer { loop.stop() }
        return await withCheckedContinuation { continuation in
            loop.submit {
                connect(count, on: loop) { pairs in
                    var left = pairs.count
                    var closings = Array(repeating: 0, count: pairs.count)
                    for (number, (client, server)) in pairs.enumerated() {
                        // Each pair ends with the server's end, and is kept until then.
                        server.onClose = { _ in
                            closings[number] += 1
                            left -= 1
                            if left > 0 { return }
                            continuation.resume(returning: (pairs.map(\.client.received), closings))
                        }
                        client.onEnd = { $0.stream.close() }
                        server.onEnd = { $0.stream.close() }
                        server.stream.startReading()
                        if gone(number) { client.stream.close() } else { client.stream.startReading() }
                    }
                    // All in one turn.
                    for (number, (_, server)) in pairs.enumerated() {
                        for piece in pieces(of: number) { server.stream.send(piece) }
                        server.stream.finish()
                    }
                }
            }
        }
    }

    @Test("each gets what it was sent, however much that is", arguments: [true, false])
    func all(inBatches: Bool) async {
        let (heard, closings) = await Self.send(inBatches: inBatches)
        #expect(closings == Array(repeating: 1, count: Self.count))
        for number in 0..<Self.count {
            #expect(heard[number] == Self.pieces(of: number).reduce([], +), "\(number)")
        }
    }

    @Test("those whose peers are gone end, once, and nobody else", arguments: [true, false])
    func somePeersGone(inBatches: Bool) async {
        let (heard, closings) = await Self.send(inBatches: inBatches) { $0 % 3 == 0 }
        #expect(closings == Array(repeating: 1, count: Self.count))
        for number in 0..<Self.count {
            #expect(heard[number] == (number % 3 == 0 ? [] : Self.pieces(of: number).reduce([], +)), "\(number)")
        }
    }

    @Test("who is told so closes others that have written in the same turn", arguments: [true, false])
    func closesOthers(inBatches: Bool) async {
        System.ignoreBrokenPipes()
        let loop = EventLoop(usesBatches: inBatches)
        defer { loop.stop() }
        let closings: [Int] = await withCheckedContinuation { continuation in
            loop.submit {
                Self.connect(20, on: loop) { pairs in
                    var closings = Array(repeating: 0, count: pairs.count)
                    for (number, (_, server)) in pairs.enumerated() {
                        server.onClose = { _ in
                            closings[number] += 1
                            // The first ends all.
                            for (_, other) in pairs { other.stream.close() }
                        }
                    }
                    pairs[7].client.stream.close()
                    var turns = 0
                    loop.onEndOfTurn {
                        turns += 1
                        if turns == 2 {
                            for (_, server) in pairs { server.stream.send(pattern(1 << 20)) }
                        } else if turns == 4 {
                            continuation.resume(returning: closings)
                        }
                        return turns < 4
                    }
                }
            }
        }
        #expect(closings == Array(repeating: 1, count: 20))
    }

    @Test("who hears something closes others that could be read from in the same turn", arguments: [true, false])
    func closesReadable(inBatches: Bool) async {
        let loop = EventLoop(usesBatches: inBatches)
        defer { loop.stop() }
        let heard: [Int] = await withCheckedContinuation { continuation in
            loop.submit {
                Self.connect(20, on: loop) { pairs in
                    var heard: [Int] = []
                    for (number, (client, server)) in pairs.enumerated() {
                        server.onBytes = { _, bytes in
                            heard.append(bytes.count)
                            for (_, other) in pairs where other !== server { other.stream.close() }
                        }
                        server.onEnd = { _ in continuation.resume(returning: heard) }
                        server.stream.startReading()
                        // All clients write at the end of this turn, so that all can be read from in the next one.
                        client.stream.send(pattern(5000 + number))
                        client.stream.finish()
                    }
                }
            }
        }
        #expect((5000..<5020).contains(heard.reduce(0, +)), "one was heard, and whole")
    }

    @Test("who stops reading when others are heard goes on later where it was", arguments: [true, false])
    func stopsOthers(inBatches: Bool) async {
        let loop = EventLoop(usesBatches: inBatches)
        defer { loop.stop() }
        let heard: [[UInt8]] = await withCheckedContinuation { continuation in
            loop.submit {
                Self.connect(100, on: loop) { pairs in
                    var ends = 0
                    for (number, (client, server)) in pairs.enumerated() {
                        server.onBytes = { _, _ in for (_, other) in pairs { other.stream.stopReading() } }
                        server.onEnd = { _ in
                            ends += 1
                            if ends == pairs.count { continuation.resume(returning: pairs.map(\.server.received)) }
                        }
                        server.stream.startReading()
                        client.stream.send(pattern(3000 + number))
                        client.stream.finish()
                    }
                    loop.onEndOfTurn {
                        if ends < pairs.count { for (_, server) in pairs { server.stream.startReading() } }
                        return false
                    }
                }
            }
        }
        for number in heard.indices { #expect(heard[number] == pattern(3000 + number)) }
    }
}
