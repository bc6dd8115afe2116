import Chat
import EventLoop
import Testing

@testable import Server

@Suite struct AdmissionsTests {
    private func admissions(_ change: (inout Configuration) -> Void = { _ in }) -> Admissions {
        var settings = Configuration()
        change(&settings)
        return Admissions(settings)
    }

    @Test("who is too many for the node is told so, and a crowd of them is not")
    func node() {
        let admissions = admissions { $0.maxConnections = 2 }
        let verdicts = (0..<260).map { _ in admissions.enter(from: nil, descriptor: 3) }
        #expect(verdicts[..<2].allSatisfy { $0 == .welcome })
        #expect(verdicts[2..<258].allSatisfy { $0 == .nodeIsFull })
        #expect(verdicts[258...].allSatisfy { $0 == .overrun })
        for _ in verdicts { admissions.leave(from: nil) }
        #expect(admissions.enter(from: nil, descriptor: 3) == .welcome)
    }

    @Test("the last descriptors are not given away")
    func descriptors() {
        let admissions = admissions()
        let limit = System.descriptorLimit
        let reserve = Admissions.reserve(of: limit)
        #expect(admissions.enter(from: nil, descriptor: limit - reserve - 1) == .welcome)
        #expect(admissions.enter(from: nil, descriptor: limit - reserve) == .nodeIsFull)
        #expect(admissions.enter(from: nil, descriptor: limit - reserve / 2) == .overrun)
        #expect(admissions.enter(from: nil, descriptor: limit - 1) == .overrun)
    }

    @Test("some descriptors are kept of few and of many", arguments: [(64, 8), (256, 16), (1024, 64), (1 << 20, 512)])
    func reserve(_ limit: Int, _ reserve: Int) { #expect(Admissions.reserve(of: limit) == reserve) }

    @Test("each address has its own limit, and its connections may turn out to be another's")
    func addresses() throws {
        let admissions = admissions { $0.connectionsPerAddress = 1 }
        let (one, other) = (admissions.block(of: "192.0.2.1"), admissions.block(of: "192.0.2.2"))
        #expect(admissions.enter(from: one, descriptor: 3) == .welcome)
        #expect(admissions.enter(from: one, descriptor: 3) == .addressIsFull)
        #expect(admissions.enter(from: other, descriptor: 3) == .welcome)
        admissions.leave(from: one)
        #expect(!admissions.move(from: other, to: one))
        #expect(admissions.move(from: one, to: other))
    }

    @Test("what is not limited is not counted")
    func uncounted() {
        #expect(admissions().block(of: "127.0.0.1") == nil)
        #expect(admissions().block(of: "::1") == nil)
        #expect(admissions().block(of: "192.0.2.1") != nil)
        #expect(admissions { $0.limitLoopback = true }.block(of: "127.0.0.1") != nil)
        #expect(admissions { $0.connectionsPerAddress = 0 }.block(of: "192.0.2.1") == nil)
    }

    @Test("those who are put off come back one after the other, within a minute")
    func handshakes() throws {
        let admissions = admissions { $0.handshakeRate = TokenBucket.Limit(rate: 10, burst: 5) }
        #expect((0..<5).allSatisfy { _ in admissions.handshake(at: 0) == nil })
        let waits = try (0..<1000).map { _ in try #require(admissions.handshake(at: 0)) }
        for (number, wait) in waits.enumerated() {
            let due = min(60, number / 10 + 1)
            #expect((due...due + 1).contains(wait))
        }
    }

    @Test("keys without any take no memory")
    func tallies() {
        let tallies = Tallies<Int>()
        for key in 0..<100 { #expect(tallies.enter(key, limit: 1)) }
        #expect(!tallies.enter(7, limit: 1))
        for key in 0..<100 { tallies.leave(key) }
        #expect(tallies.keyCount == 1)
        tallies.leave(7)
        tallies.leave(7)
        #expect(tallies.keyCount == 0)
    }
}
