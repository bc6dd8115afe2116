import Chat
import Storage
import Testing

@Suite(.onEachStore) struct AccountTests {
    private let home: TemporaryStore
    private var accounts: Accounts { home.store.accounts }

    init() throws { home = try TemporaryStore() }

    // MARK: - People

    @Test("people are found by id, and by name in upper or lower case")
    func people() throws {
        let found = [try accounts.user(home.ben.id), try accounts.user(named: "ben"), try accounts.user(named: "BEN")]
        for user in found {
            #expect(user?.id == home.ben.id)
            #expect(user?.username == "ben")
            #expect(user?.name == "Ben Okri")
            #expect(user?.college == CollegeID(1))
        }
        #expect(try accounts.user(home.chitra.id)?.college == nil)
        #expect(try accounts.user(UserID(99)) == nil)
        #expect(try accounts.user(named: "b") == nil)
        #expect(try accounts.allUsers().map(\.username) == ["asha", "ben", "chitra"])
    }

    @Test("a name is taken in upper and lower case", arguments: ["ben", "Ben"])
    func taken(_ name: String) throws {
        let error = #expect(throws: StoreError.self) {
            try accounts.add(username: name, name: "Another", college: nil, password: nil, at: .start)
        }
        #expect(error?.isConstraint == true)
    }

    @Test("a password is there or not")
    func passwords() throws {
        #expect(try accounts.password(of: home.ben) == "encoded")
        #expect(try accounts.password(of: home.asha) == nil)
    }

    // MARK: - Tokens

    private let digest = [UInt8](repeating: 0xA5, count: 32)

    @Test("a token without an end is its holder's for ever")
    func token() throws {
        _ = try accounts.addToken(digest: digest, of: home.ben.id, at: .start, expiresAt: nil)
        let holder = try #require(try accounts.holder(ofToken: digest, at: .start + .seconds(1_000_000_000)))
        #expect(holder.user.id == home.ben.id)
        #expect(holder.user.name == "Ben Okri")
        #expect(holder.expiresAt == nil)
        #expect(try accounts.holder(ofToken: [], at: .start) == nil)
        #expect(try accounts.holder(ofToken: digest.dropLast(), at: .start) == nil)
    }

    @Test("a token is good until the moment it expires")
    func expiry() throws {
        let end = Timestamp.start + .seconds(60)
        _ = try accounts.addToken(digest: digest, of: home.ben.id, at: .start, expiresAt: end)
        #expect(try accounts.holder(ofToken: digest, at: end - .microseconds(1))?.expiresAt == end)
        #expect(try accounts.holder(ofToken: digest, at: end) == nil)
    }

    @Test("a revoked token is nobody's; others stay")
    func revocation() throws {
        let id = try accounts.addToken(digest: digest, of: home.ben.id, at: .start, expiresAt: nil)
        _ = try accounts.addToken(digest: [1], of: home.ben.id, at: .start, expiresAt: nil)
        #expect(try accounts.revokeToken(id))
        #expect(try accounts.holder(ofToken: digest, at: .start) == nil)
        #expect(try accounts.holder(ofToken: [1], at: .start) != nil)
        #expect(try !accounts.revokeToken(id))
        let next = try accounts.addToken(digest: [2], of: home.ben.id, at: .start, expiresAt: nil)
        #expect(next > id + 1)
    }

    @Test("what is revoked is told once, in order, and not if it did not happen")
    func revocations() throws {
        let store = home.store
        let first = try accounts.addToken(digest: [1], of: home.ben.id, at: .start, expiresAt: nil)
        let second = try accounts.addToken(digest: [2], of: home.ben.id, at: .start, expiresAt: .start)
        #expect(try store.takeRevocations().isEmpty)
        #expect(throws: StoreError.self) {
            try store.transaction { () throws(StoreError) in
                try accounts.revokeToken(digest: [1])
                #expect(try store.takeRevocations() == [.token(TokenID(first), digest: [1])])
                _ = try accounts.add(username: "ben", name: "Another", college: nil, password: nil, at: .start)
            }
        }
        #expect(try store.takeRevocations().isEmpty)
        try accounts.revokeToken(digest: [1])
        // Nobody is connected by a token that has expired.
        _ = try accounts.revokeToken(second)
        #expect(try store.takeRevocations() == [.token(TokenID(first), digest: [1])])
        #expect(try store.takeRevocations().isEmpty)
    }

    @Test("tokens are listed for one person or for all, in the order they were made")
    func list() throws {
        let end = Timestamp.start + .seconds(60)
        let first = try accounts.addToken(digest: [1], of: home.ben.id, at: .start, expiresAt: end)
        let second = try accounts.addToken(digest: [2], of: home.asha.id, at: end, expiresAt: nil)
        let third = try accounts.addToken(digest: [3], of: home.ben.id, at: .start, expiresAt: nil)
        #expect(try accounts.tokens(of: nil).map(\.id) == [first, second, third])
        let bens = try accounts.tokens(of: home.ben.id)
        #expect(bens.map(\.id) == [first, third])
        #expect(bens.map(\.username) == ["ben", "ben"])
        #expect(bens.map(\.expiresAt) == [end, nil])
        #expect(bens.map(\.createdAt) == [.start, .start])
        #expect(try accounts.tokens(of: home.chitra.id).isEmpty)
    }

    @Test("a token needs a holder, and a digest is one token's only")
    func constraints() throws {
        _ = try accounts.addToken(digest: digest, of: home.ben.id, at: .start, expiresAt: nil)
        for user in [home.asha.id, UserID(99)] {
            let error = #expect(throws: StoreError.self) {
                try accounts.addToken(digest: user == UserID(99) ? [9] : digest, of: user, at: .start, expiresAt: nil)
            }
            #expect(error?.isConstraint == true)
        }
    }

    @Test("of a token, nothing but the digest is kept")
    func digestOnly() throws {
        _ = try accounts.addToken(digest: digest, of: home.ben.id, at: .start, expiresAt: nil)
        let database = try Database(home.location, .readOnly)
        let columns = try database.prepare(
            sqlite: "SELECT name FROM pragma_table_info('tokens')",
            postgresql: """
                SELECT column_name FROM information_schema.columns
                WHERE table_schema = 'switchboard' AND table_name = 'tokens' ORDER BY ordinal_position
                """)
        #expect(try columns.all { $0.text(0) } == ["id", "digest", "user_id", "created_at", "expires_at"])
        #expect(try database.prepare("SELECT digest FROM tokens").first { $0.blob(0) } == digest)
    }
}
