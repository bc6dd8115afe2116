import Chat
import Cluster
import JSON
import Storage
import Synchronization
import Testing

@testable import Server

/// What is kept for clients that come back.
@Suite struct RecoveryTests {
    private static func number(_ number: UInt64) -> EventNumber { EventNumber(rawValue: number) }

    private static func stay(_ since: UInt64, until: UInt64? = nil) -> Recoveries.Stay {
        Recoveries.Stay(since: number(since), until: until.map { number($0) })
    }

    private static func message(_ text: String) -> Event {
        let user = User(id: UserID(1), username: "asha", name: "Asha Rao", college: nil)
        return .message(
            Message(
                id: MessageID(1), conversation: ConversationID(3), sender: user, text: text,
                sentAt: Timestamp(microseconds: 0), for: [UserID(2)]))
    }

    private static func client(_ slot: UInt32) -> ConnectionID { ConnectionID(shard: 0, slot: slot, generation: 0) }

    // MARK: - Offsets

    @Test("an offset names an event, or the first of two that it is heard as", arguments: Role.allCases)
    func offsets(_ role: Role) throws {
        let offset = try #require(EventOffset(EventOffset(Self.number(41)).heard(as: role).text))
        #expect(offset.number == Self.number(41) && offset.place == nil)
        #expect(offset.isPartial == (role == .joined))
        #expect(Self.json(offset) == "\"\(offset.text)\"")
    }

    private static func json(_ offset: EventOffset) -> String {
        var json = JSONWriter()
        json.append(offset)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    @Test("in a cluster it also names the node, and how far the store had got", arguments: Role.allCases)
    func places(_ role: Role) throws {
        let position = StorePosition(message: MessageID(17), notification: NotificationID(4))
        let offset = EventOffset(Self.number(41), at: EventOffset.Place(node: .random(), position: position))
        let read = try #require(EventOffset(offset.heard(as: role).text))
        #expect(read.number == offset.number && read.place == offset.place && read.isPartial == (role == .joined))
        #expect(Self.json(read) == "\"\(read.text)\"")
    }

    @Test(
        "what no server wrote is no offset",
        arguments: [
            "", ".", "1.", ".1", "1.2", "1.1.1", "-1", "x", "1 ", "18446744073709551616", "1:", "1:AAAAAAAA",
            "1:AAAAAAAA:2", "1:AAAAAAAA:2:", "1:AAAAAAA:2:3", "1:AAAAAAAA:2:3:4", "1:AAAAAAA!:2:3", "1.2:AAAAAAAA:2:3",
            ":AAAAAAAA:2:3",
        ])
    func noOffset(_ text: String) { #expect(EventOffset(text) == nil) }

    // MARK: - The log

    private func log(_ count: UInt64, from first: UInt64 = 11, limit: Int = .max) -> EventLog {
        var log = EventLog()
        for index in 0..<count {
            log.append(
                Self.message("\(index)"), EventOffset(Self.number(first + index)), limit: limit, at: UInt32(index))
        }
        return log
    }

    @Test("all from an event on is there, as far back as the log reaches")
    func events() {
        let log = log(5)
        #expect(log.events(from: Self.number(11))?.map(\.offset.number.rawValue) == [11, 12, 13, 14, 15])
        #expect(log.events(from: Self.number(14))?.map(\.offset.number.rawValue) == [14, 15])
        #expect(log.events(from: Self.number(10)) == nil)
    }

    @Test("a log that has begun with nothing worth keeping reaches back all the same")
    func begun() {
        var log = EventLog()
        #expect(log.events(from: Self.number(1)) == nil)
        log.append(.counterUsers(1), EventOffset(Self.number(11)), limit: .max, at: 0)
        #expect(log.events(from: Self.number(11))?.isEmpty == true)
    }

    @Test("what is too old or too much goes, and then it is not said to be there")
    func limits() {
        var old = log(5)
        old.forget(upTo: 1)
        #expect(old.events(from: Self.number(12)) == nil)
        #expect(old.events(from: Self.number(13))?.count == 3)
        let full = log(100, limit: 1000)
        #expect(full.events(from: Self.number(11)) == nil)
        #expect(full.events(from: Self.number(110))?.count == 1)
        #expect((full.events(from: Self.number(109))?.count ?? 0) * 256 <= 1000)
    }

    // MARK: - Who may come back

    @Test("a client comes back by its secret, as the same person, and nobody else does")
    func takeUp() throws {
        let recoveries = Recoveries(for: .seconds(60))
        #expect(!recoveries.isNeeded)
        let pid = try #require(recoveries.begin(Recoveries.Kept(of: UserID(1), sid: "s"), for: Self.client(1)))
        #expect(recoveries.isNeeded)
        recoveries.update(pid, of: Self.client(1)) { $0.joined = [ConversationID(3): Self.stay(5)] }
        // Not its client any more, or not yet.
        recoveries.update(pid, of: Self.client(2)) { $0.joined = [:] }
        #expect(recoveries.takeUp(pid, by: UserID(2), for: Self.client(2)) == nil)
        #expect(recoveries.takeUp("another", by: UserID(1), for: Self.client(2)) == nil)
        let taken = try #require(recoveries.takeUp(pid, by: UserID(1), for: Self.client(2)))
        #expect(
            taken.kept.joined == [ConversationID(3): Self.stay(5)] && taken.kept.sid == "s"
                && taken.former == Self.client(1))
        // The former client has lost it.
        recoveries.end(pid, of: Self.client(1))
        recoveries.lose(pid, of: Self.client(1))
        #expect(recoveries.kept(pid, of: Self.client(2)) != nil)
        recoveries.lose(pid, of: Self.client(2))
        #expect(recoveries.takeUp(pid, by: UserID(1), for: Self.client(3))?.former == .some(nil))
        recoveries.end(pid, of: Self.client(3))
        #expect(recoveries.takeUp(pid, by: UserID(1), for: Self.client(4)) == nil)
        #expect(!recoveries.isNeeded)
    }

    @Test("who is removed from a conversation is out of its room, unless they joined again since")
    func removed() throws {
        let recoveries = Recoveries(for: .seconds(60))
        let pid = try #require(recoveries.begin(Recoveries.Kept(of: UserID(1), sid: "s"), for: Self.client(1)))
        recoveries.update(pid, of: Self.client(1)) {
            $0.joined = [ConversationID(3): Self.stay(5), ConversationID(4): Self.stay(5)]
        }
        recoveries.lose(pid, of: Self.client(1))
        recoveries.remove(UserID(2), from: ConversationID(3), at: Self.number(9))
        recoveries.remove(UserID(1), from: ConversationID(3), at: Self.number(9))
        recoveries.remove(UserID(1), from: ConversationID(4), at: Self.number(4))
        let taken = try #require(recoveries.takeUp(pid, by: UserID(1), for: Self.client(2)))
        #expect(taken.kept.joined == [ConversationID(3): Self.stay(5, until: 9), ConversationID(4): Self.stay(5)])

        var log = EventLog()
        log.append(.removed(UserID(1), from: ConversationID(3)), EventOffset(Self.number(9)), limit: .max, at: 0)
        #expect(log.isRemoved(UserID(1), from: ConversationID(3), since: Self.number(8)))
        #expect(!log.isRemoved(UserID(1), from: ConversationID(3), since: Self.number(9)))
        #expect(!log.isRemoved(UserID(2), from: ConversationID(3), since: Self.number(8)))
        #expect(!log.isRemoved(UserID(1), from: ConversationID(4), since: Self.number(8)))
    }

    @Test("who stays away too long is forgotten, but not who came back in between")
    func tidy() throws {
        let recoveries = Recoveries(for: .seconds(60))
        let start = ContinuousClock.now
        let pids = try (0..<4).map { number in
            try #require(
                recoveries.begin(Recoveries.Kept(of: UserID(1), sid: "\(number)"), for: Self.client(UInt32(number))))
        }
        for (number, pid) in pids.enumerated().prefix(3) {
            recoveries.lose(pid, of: Self.client(UInt32(number)), at: start)
        }
        let back = start + .seconds(60)
        #expect(recoveries.takeUp(pids[0], by: UserID(1), for: Self.client(9), at: back) != nil)
        #expect(recoveries.takeUp(pids[1], by: UserID(1), for: Self.client(9), at: back + .seconds(1)) == nil)
        recoveries.tidy(at: back)
        #expect(recoveries.kept(pids[0], of: Self.client(9)) != nil)
        #expect(recoveries.takeUp(pids[2], by: UserID(1), for: Self.client(9), at: start) == nil)
        #expect(recoveries.kept(pids[3], of: Self.client(3)) != nil)
    }

    @Test("without recovery nothing is kept")
    func disabled() {
        let recoveries = Recoveries(for: .zero)
        #expect(recoveries.begin(Recoveries.Kept(of: UserID(1), sid: "s"), for: Self.client(1)) == nil)
        #expect(!recoveries.isNeeded)
    }

    @Test("the store is told of what changes, once at a time, and again with the next second where that failed")
    func saving() throws {
        let asked = Atomic(0)
        let recoveries = Recoveries(for: .seconds(60), as: .random()) { _ in asked.add(1, ordering: .relaxed) }
        let pid = try #require(recoveries.begin(Recoveries.Kept(of: UserID(1), sid: "s"), for: Self.client(1)))
        // It has no seat yet.
        #expect(asked.load(ordering: .relaxed) == 0)
        recoveries.update(pid, of: Self.client(1)) { $0.joined = [ConversationID(3): Self.stay(5)] }
        recoveries.update(pid, of: Self.client(1)) { $0.joined = [:] }
        recoveries.tidy()
        #expect(asked.load(ordering: .relaxed) == 1)
        recoveries.saveFailed()
        #expect(asked.load(ordering: .relaxed) == 1)
        recoveries.tidy()
        #expect(asked.load(ordering: .relaxed) == 2)
    }

    @Test("who has just come back is not given up for having been away")
    func crossing() throws {
        let recoveries = Recoveries(for: .seconds(60), as: .random())
        let pid = try #require(recoveries.begin(Recoveries.Kept(of: UserID(1), sid: "s"), for: Self.client(1)))
        let now = ContinuousClock.now
        _ = recoveries.takeUp(pid, by: UserID(1), for: Self.client(2), at: now)
        #expect(recoveries.giveUp(pid, at: now + .milliseconds(999)) == nil)
        #expect(recoveries.isNeeded)
        #expect(recoveries.giveUp(pid, at: now + .seconds(1)) == Self.client(2))
        #expect(!recoveries.isNeeded)
    }

    @Test("who has gone to another node is given up, and who has come from one is here")
    func moved() throws {
        let recoveries = Recoveries(for: .seconds(60), as: .random())
        let pid = try #require(recoveries.begin(Recoveries.Kept(of: UserID(1), sid: "s"), for: Self.client(1)))
        #expect(recoveries.giveUp(pid) == Self.client(1))
        #expect(recoveries.giveUp(pid) == nil)
        #expect(!recoveries.isNeeded)
        let client = KeptClients.Client(
            pid: "p", user: UserID(2), sid: "t", start: .start, joined: [ConversationID(3)], lostAt: nil)
        recoveries.takeOver(client, for: Self.client(2), at: Self.number(7))
        let kept = try #require(recoveries.kept("p", of: Self.client(2)))
        #expect(kept.user == UserID(2) && kept.sid == "t" && kept.joined == [ConversationID(3): Self.stay(7)])
        // Its connection broke before it was seated.
        recoveries.takeOver(client, for: nil, at: Self.number(8))
        #expect(recoveries.takeUp("p", by: UserID(2), for: Self.client(3))?.former == .some(nil))
    }
}
