import Chat
import EventLoop
import Testing

@testable import Server

/// What loops are told, and when they have enough.
@Suite struct ExchangeTests {
    private static func deliver(_ count: Int, by exchange: Exchange) {
        var batch = exchange.makeBatch(of: count)
        for number in 0..<count { batch.publish(.counterUsers(number)) }
        exchange.deliverHere(&batch, committedAt: 0)
    }

    @Test("what is to be stored waits while a loop is far behind, and only then")
    func behind() {
        let inboxes = (0..<2).map { _ in Mailbox<Mail> {} }
        let exchange = Exchange(inboxes, bus: nil)
        func read(_ shard: Int) -> Int {
            var mail: [Mail] = []
            inboxes[shard].drain(into: &mail)
            exchange.noteProgress()
            return mail.count
        }
        // A batch begins with its moment.
        Self.deliver(49_998, by: exchange)
        #expect(!exchange.isBehind && exchange.offer(.counterUsers(0)))
        Self.deliver(1, by: exchange)
        #expect(exchange.isBehind && !exchange.offer(.counterUsers(0)))
        #expect(read(0) == 50_002)
        #expect(exchange.isBehind)
        #expect(read(1) == 50_002)
        #expect(!exchange.isBehind && exchange.offer(.counterUsers(0)))
        #expect(read(0) == 1 && read(1) == 1)
    }
}
