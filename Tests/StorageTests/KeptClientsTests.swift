import Chat
import Testing

@testable import Storage

@Suite(.onPostgreSQL) struct KeptClientsTests {
    private let home: TemporaryStore
    private let clients: KeptClients

    init() throws {
        home = try TemporaryStore()
        clients = try #require(home.store.keptClients)
    }

    private func change<Result>(_ body: () throws(StoreError) -> Result) throws -> Result {
        try home.store.transaction { () throws(StoreError) in try body() }
    }

    private func client(
        _ pid: String = "p", joined: [ConversationID] = [], lostAt: Timestamp? = nil
    ) -> KeptClients.Client {
        KeptClients.Client(
            pid: pid, user: home.ben.id, sid: "s-\(pid)",
            start: StorePosition(message: MessageID(3), notification: NotificationID(4)), joined: joined, lostAt: lostAt
        )
    }

    private func save(_ client: KeptClients.Client, isNew: Bool = true, by node: String = "one") throws {
        try change { () throws(StoreError) in try clients.save(client, isNew: isNew, by: node) }
    }

    @discardableResult
    private func renew(_ seconds: Int64, by node: String = "one") throws -> Bool {
        try change { () throws(StoreError) in try clients.renew(node, at: .later(seconds)) }
    }

    private func takeUp(
        _ pid: String = "p", of user: User? = nil, by node: String = "two", at seconds: Int64
    ) throws -> KeptClients.Returned? {
        try change { () throws(StoreError) in
            try clients.takeUp(
                pid, of: (user ?? home.ben).id, by: node, at: .later(seconds), patience: .seconds(60),
                interval: .seconds(10))
        }
    }

    @Test("a client is taken up as it was saved last, by its own person only")
    func takenUp() throws {
        let conversation = try home.started(by: home.asha, with: home.ben).id
        try renew(0)
        try save(client())
        try save(client(joined: [conversation], lostAt: .later(5)), isNew: false)
        #expect(try takeUp(of: home.asha, at: 6) == nil)
        #expect(try takeUp("q", at: 6) == nil)
        #expect(try takeUp(String(repeating: "p", count: 65), at: 6) == nil)
        let returned = try #require(try takeUp(at: 6))
        #expect(returned.client == client(joined: [conversation], lostAt: .later(5)))
        #expect(returned.node == "one")
    }

    @Test("who has gone to another node is that one's")
    func fenced() throws {
        try renew(0)
        try save(client(lostAt: .later(1)))
        #expect(try takeUp(at: 2) != nil)
        // The node that it left notices late.
        try save(client(lostAt: .later(1)), isNew: false)
        try save(client(lostAt: .later(1)))
        try change { () throws(StoreError) in try clients.end("p", by: "one") }
        try renew(3, by: "two")
        let back = try #require(try takeUp(by: "one", at: 4))
        #expect(back.node == "two" && back.client.lostAt == nil)
        try change { () throws(StoreError) in try clients.end("p", by: "one") }
        #expect(try takeUp(by: "one", at: 5) == nil)
    }

    @Test(
        "a client may be away for so long, and where nobody has noticed, since its node was there last",
        arguments: [
            (lost: 5, seen: 5, back: 65, isKnown: true), (5, 60, 66, false), (nil, 5, 75, true), (nil, 5, 76, false),
            (nil, nil, 1, false),
        ] as [(lost: Int64?, seen: Int64?, back: Int64, isKnown: Bool)])
    func late(_ times: (lost: Int64?, seen: Int64?, back: Int64, isKnown: Bool)) throws {
        if let seen = times.seen { try renew(seen) }
        try save(client(lostAt: times.lost.map { .later($0) }))
        #expect((try takeUp(at: times.back) != nil) == times.isKnown)
    }

    @Test("a node that takes up a client is known from then on, so that others may take it up there")
    func known() throws {
        try renew(0)
        for pid in ["p", "q"] { try save(client(pid, lostAt: .later(1))) }
        #expect(try #require(try takeUp(by: "two", at: 50)).isNewNode)
        #expect(try !#require(try takeUp("q", by: "two", at: 51)).isNewNode)
        #expect(try takeUp(by: "three", at: 120)?.node == "two")
        #expect(try takeUp("q", by: "three", at: 121) == nil, "two was there for certain at 50, and says so every 10 s")
        #expect(try !renew(122, by: "two"))
    }

    @Test("a node finds its own that it has not lost")
    func own() throws {
        try save(client())
        #expect(try takeUp(by: "one", at: 1000)?.node == "one")
    }

    @Test("who is in a conversation no more is not in its room")
    func removed() throws {
        let groups = try (0..<3).map { _ in try home.group(home.asha, home.ben, home.chitra) }
        try renew(0)
        try save(client(joined: groups.map(\.id)))
        try home.remove(home.ben, from: groups[0])
        try home.remove(home.ben, from: groups[1])
        // Coming again is not joining again.
        try home.add(home.ben, to: groups[1])
        try home.remove(home.chitra, from: groups[2])
        #expect(try takeUp(at: 1)?.client.joined == [groups[2].id])
    }

    @Test("rooms of others' conversations are left out, whatever was saved")
    func strange() throws {
        let strange = try home.started(by: home.asha, with: home.chitra).id
        try renew(0)
        try save(client(joined: [strange]))
        #expect(try takeUp(at: 1)?.client.joined == [])
    }

    @Test("who is deleted does not come back")
    func deleted() throws {
        try renew(0)
        try save(client())
        let store = home.store
        let isDone = try change { () throws(StoreError) in try store.delete(home.ben.id, keepingMessages: true) }
        #expect(isDone)
        #expect(try takeUp(at: 1) == nil)
    }

    @Test("who was lost long ago is forgotten, and what silent nodes had")
    func forgotten() throws {
        #expect(try renew(0, by: "one"))
        #expect(try renew(9, by: "two"))
        for (node, pid) in [("one", "a"), ("two", "b"), ("two", "c")] { try save(client(pid), by: node) }
        try save(client("d", lostAt: .later(1)), by: "two")
        try change { () throws(StoreError) in try clients.forget(before: .later(9)) }
        #expect(try home.number("SELECT count(*) FROM kept_clients") == 2)
        #expect(try home.number("SELECT count(*) FROM nodes") == 1)
        #expect(try !renew(10, by: "two"))
        #expect(try renew(10, by: "one"), "it was taken for gone, and is told so")
    }
}
