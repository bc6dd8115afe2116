import Chat
import Storage
import Testing

@Suite(.onEachStore) struct ErasureTests {
    private func eraseAll(_ home: TemporaryStore) throws {
        let store = home.store
        while try store.transaction({ () throws(StoreError) in try store.eraseSlice() }) {
            _ = try store.scrubIfWanted()
        }
    }

    private func delete(_ user: User, keepingMessages: Bool = false, in home: TemporaryStore) throws -> Bool {
        let store = home.store
        return try store.transaction { () throws(StoreError) in
            try store.delete(user.id, keepingMessages: keepingMessages)
        }
    }

    @Test("who is deleted leaves an id, and their messages go slice by slice")
    func slices() throws {
        let home = try TemporaryStore(logLimit: Store.logLimit)
        let conversation = try home.started(by: home.asha, with: home.ben)
        try home.say(500, by: home.asha, in: conversation.id)
        try home.said("mine", by: home.ben, in: conversation.id)
        #expect(try delete(home.asha, in: home))
        #expect(try home.store.isErasing())
        try eraseAll(home)
        #expect(try home.number("SELECT count(*) FROM messages") == 1)
        #expect(try home.number("SELECT count(*) FROM conversation_messages") == 1)
        #expect(try Verification.run(home.location).isEmpty)
        #expect(try home.store.accounts.user(home.asha.id)?.name == "Deleted user")
        #expect(try home.store.user(home.asha.id) == nil)
        #expect(try home.send("hello", from: home.ben, to: home.asha.id).refusal == .unknownRecipient)
        #expect(try home.send("hello", from: home.asha, to: home.ben.id).refusal == .unknownRecipient)
    }

    @Test("the id of a newest message that was erased is not given again, also after a start")
    func newest() throws {
        let home = try TemporaryStore(logLimit: Store.logLimit)
        let last = try home.sent("last", from: home.asha, to: home.ben)
        #expect(try delete(home.asha, in: home))
        try eraseAll(home)
        #expect(try home.another().lastMessage == last.id)
        #expect(try home.number("SELECT count(*) FROM conversations") == 0)
    }

    @Test("a deletion that is rolled back has not happened")
    func rollBack() throws {
        let home = try TemporaryStore(logLimit: Store.logLimit)
        let (store, asha) = (home.store, home.asha.id)
        #expect(throws: StoreError.self) {
            try store.transaction { () throws(StoreError) in
                _ = try store.delete(asha, keepingMessages: false)
                // The name is taken, so all of it fails.
                _ = try store.accounts.add(username: "ben", name: "B", college: nil, password: nil, at: .start)
            }
        }
        #expect(try store.user(asha)?.name == "Asha Rao")
        #expect(try !store.isErasing())
    }

    @Test("bulk messages that are over go by their own age, those under way stay")
    func bulkMessages() throws {
        let home = try TemporaryStore()
        let (store, limit) = (home.store, Retention(notifications: .seconds(86_400)))
        for time in [Timestamp.start, .later(2)] {
            try store.transaction { () throws(StoreError) in
                let content = NotificationContent(title: "T", message: "M")
                _ = try store.addBulkMessage(content, for: .people([]), key: nil, at: time)
                if time == .start { while try store.sendBulkSlice(limit: 10, at: .later(1)) != nil {} }
            }
        }
        #expect(try !store.hasAged(limit, at: .later(86_401)))
        #expect(try store.hasAged(limit, at: .later(86_402)))
        let hasMore = try store.transaction { () throws(StoreError) in
            try store.retainSlice(limit, at: .later(86_402)).hasMore
        }
        #expect(hasMore)
        #expect(try home.number("SELECT sum(id) FROM bulk_messages") == 2)
        #expect(try !store.hasAged(limit, at: .later(1 << 32)))
    }

    @Test("what is too old goes, and nothing that is young")
    func retention() throws {
        let home = try TemporaryStore(logLimit: Store.logLimit)
        let conversation = try home.started(by: home.asha, with: home.ben)
        try home.said("old", by: home.asha, in: conversation.id)
        try home.said("young", by: home.asha, in: conversation.id, at: .later(86_400))
        let (store, limit) = (home.store, Retention(messages: .seconds(86_400)))
        try store.transaction { () throws(StoreError) in try store.fileMessages() }
        #expect(try !store.hasAged(limit, at: .later(86_400)))
        #expect(try store.hasAged(limit, at: .later(86_401)))
        let hasMore = try store.transaction { () throws(StoreError) in
            try store.retainSlice(limit, at: .later(86_401)).hasMore
        }
        #expect(hasMore)
        #expect(try home.number("SELECT min(id) FROM messages") == 2)
        #expect(try !store.hasAged(limit, at: .later(86_401)))
        #expect(try !store.hasAged(Retention(), at: .later(1 << 32)))
        #expect(try Verification.run(home.location).isEmpty)
    }
}
