import Chat
import Redis
import Testing

@testable import Cluster

@Suite struct MembershipTests {
    private func memberships(hosts: Int = 1) throws -> ChannelMemberships {
        ChannelMemberships(ChannelSettings(hosts: Array(repeating: try RedisURL("redis://"), count: hosts)))
    }

    @Test("a group is joined with the first loop and left with the last")
    func counting() throws {
        var memberships = try memberships()
        let group = ChannelGroup.notifications(UserID(7))
        memberships.listen(true, to: group)
        memberships.listen(true, to: group)
        #expect(memberships.next(on: 0) == group)
        #expect(memberships.next(on: 0) == nil)
        memberships.listen(false, to: group)
        #expect(memberships.isIn(group) && memberships.isDone(on: 0))
        memberships.listen(false, to: group)
        #expect(!memberships.isIn(group))
        #expect(memberships.next(on: 0) == group)
    }

    @Test("who comes and goes before the host hears of it costs one command")
    func once() throws {
        var memberships = try memberships()
        for _ in 0..<5 {
            memberships.listen(true, to: .everybody)
            memberships.listen(false, to: .everybody)
        }
        #expect(memberships.next(on: 0) == .everybody)
        #expect(memberships.isDone(on: 0))
    }

    @Test("each host hears of its own groups, and of all of them after it was away")
    func hosts() throws {
        var memberships = try memberships(hosts: 2)
        let groups: [ChannelGroup] = [
            .notifications(UserID(1)), .chat(UserID(7)), .room(RoomName("general")!), .counter,
        ]
        for group in groups { memberships.listen(true, to: group) }
        func all(on host: Int) -> Set<ChannelGroup> {
            var all: Set<ChannelGroup> = []
            while let group = memberships.next(on: host) { all.insert(group) }
            return all
        }
        #expect(all(on: 0) == [.notifications(UserID(1)), .counter])
        #expect(all(on: 1) == [.chat(UserID(7)), .room(RoomName("general")!)])
        memberships.noteAll(on: 1)
        #expect(all(on: 0) == [] && all(on: 1).count == 2)
        memberships.leaveAll()
        #expect(all(on: 0).union(all(on: 1)) == Set(groups))
        #expect(memberships.count == 0)
    }

    @Test("an address tells its group, and leaves room in the name of a channel")
    func addresses() throws {
        var memberships = try memberships()
        let rooms = (0..<100).map { ChannelGroup.room(RoomName("r\($0)")!) }
        let longest = ChannelGroup.room(RoomName(String(repeating: "x", count: 94))!)
        let groups: [ChannelGroup] =
            [.chat(UserID(7)), .notifications(UserID(7)), .college(CollegeID(7)), .everybody, .counter, longest] + rooms
        for group in groups { memberships.listen(true, to: group) }
        for group in groups {
            let address = ChannelMemberships.address(in: group)
            #expect(memberships.group(at: address) == group)
            #expect(address.utf8.count <= 40)
        }
        memberships.leaveAll()
        #expect(memberships.group(at: "u7") == nil)
    }

    @Test(
        "what Python writes as a moment is read",
        arguments: [
            ("2026-01-06T10:30:45.123456", "2026-01-06T10:30:45.123456Z"),
            ("2026-01-06 10:30:45+05:30", "2026-01-06T05:00:45.000000Z"),
            ("2024-02-29T23:59Z", "2024-02-29T23:59:00.000000Z"),
            ("1999-12-31T23:59:59.5-0100", "2000-01-01T00:59:59.500000Z"),
        ])
    func moments(_ text: String, _ expected: String) {
        #expect(Timestamp(iso8601: text)?.formatted(.microseconds) == expected)
    }

    @Test(
        "what is no moment is not",
        arguments: [
            "", "2026-01-06", "2026-13-06T10:30", "2026-01-06T24:00", "x", "2026-01-06T10:30:45.",
            "2026-01-06T10:30:45+1", "1969-12-31T23:59:59",
        ])
    func noMoments(_ text: String) { #expect(Timestamp(iso8601: text) == nil) }
}
