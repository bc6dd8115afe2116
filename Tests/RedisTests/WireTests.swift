import Testing

@testable import Redis

@Suite struct WireTests {
    @Test("a command is an array of strings, whatever bytes they hold")
    func command() {
        let command = RedisCommand("SET", "key \(7)", .init([0, 13, 10]), .init(-5), .init("ü"))
        #expect(
            command.bytes
                == Array("*5\r\n$3\r\nSET\r\n$5\r\nkey 7\r\n$3\r\n\0\r\n\r\n$2\r\n-5\r\n$2\r\nü\r\n".utf8))
    }

    private static let stream = Array(
        "+OK\r\n:-7\r\n$-1\r\n*-1\r\n$3\r\na\0b\r\n-NOPERM no\r\n*2\r\n$0\r\n\r\n*1\r\n:1\r\n".utf8)
    private static let replies: [RedisReply] = [
        .status("OK"), .integer(-7), .null, .null, .string([97, 0, 98]), .error(RedisError("NOPERM no")),
        .array([.string([]), .array([.integer(1)])]),
    ]

    @Test("what is published is the command that its words make", arguments: [0, 1, 100, 100_000])
    func publishing(_ count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let command = RedisCommand("PUBLISH", "bus:ü", .init(payload))
        #expect(RedisCommand(publishing: payload, on: "bus:ü").bytes == command.bytes)
    }

    @Test("replies come out whole, wherever the stream is cut", arguments: 0...stream.count)
    func cuts(_ cut: Int) throws {
        let reader = ReplyReader(limit: 1 << 20)
        var replies: [RedisReply] = []
        for part in [Self.stream[..<cut], Self.stream[cut...]] {
            try reader.feed(Array(part).span)
            while let reply = try reader.next() { replies.append(reply) }
        }
        #expect(replies == Self.replies)
        #expect(RedisError("NOPERM no").code == "NOPERM")
    }

    @Test(
        "what is no reply is refused",
        arguments: [
            "HTTP/1.1 400 Bad Request\r\n", "$-2\r\n", "*-2\r\n", ":x\r\n", String(repeating: "*1\r\n", count: 20),
        ])
    func malformed(_ text: String) throws {
        let reader = ReplyReader(limit: 1 << 20)
        try reader.feed(Array(text.utf8).span)
        #expect(throws: ReplyReader.Malformed.self) { while try reader.next() != nil {} }
    }

    @Test("a reply that is longer than may be is refused before it is whole")
    func limit() throws {
        let reader = ReplyReader(limit: 1000)
        try reader.feed(Array(("$5000\r\n" + String(repeating: "a", count: 1500)).utf8).span)
        #expect(throws: ReplyReader.Malformed.self) { try reader.next() }
    }
}

@Suite struct BackoffTests {
    @Test("waits grow to two seconds, each by chance between half of what is due and all of it")
    func growth() {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        for due in [50, 100, 200, 400, 800, 1600, 2000, 2000] {
            #expect((due / 2...due).contains(backoff.next(using: &generator)))
        }
        backoff.reset()
        #expect(backoff.next(using: &generator) <= 50)
    }
}

@Suite struct QueueTests {
    @Test("what comes first goes first, however long the queue was")
    func order() {
        var queue = Queue<Int>()
        for number in 0..<5000 { queue.append(number) }
        for number in 0..<3000 { #expect(queue.popFirst() == number) }
        queue.append(5000)
        #expect(queue.count == 2001)
        #expect(queue.first == 3000)
        for number in 3000...5000 { #expect(queue.popFirst() == number) }
        #expect(queue.popFirst() == nil)
        #expect(queue.count == 0)
    }
}
