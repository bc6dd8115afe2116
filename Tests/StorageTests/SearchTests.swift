import Chat
import Storage
import Testing

@Suite(.onEachStore) struct SearchTests {
    private let home: TemporaryStore
    private var accounts: Accounts { home.store.accounts }

    init() throws {
        home = try TemporaryStore()
        for name in ["Élodie", "BEN_Ölund", "100%", "иван", "john.doe"] { _ = try home.added(name) }
    }

    @Test(
        "people are found by any part of their usernames, in upper or lower case, in any script",
        arguments: [
            ("ben", ["ben", "BEN_Ölund"]), ("BEN", ["ben", "BEN_Ölund"]), ("élo", ["Élodie"]), ("ÉLO", ["Élodie"]),
            ("_öL", ["BEN_Ölund"]), ("ИВА", ["иван"]), ("van", []), ("_", ["BEN_Ölund"]), ("%", ["100%"]), ("*", []),
            (".", ["john.doe"]), ("n", ["ben", "BEN_Ölund", "john.doe"]), ("Okri", []), ("'", []), ("\0", []),
        ])
    func search(_ keyword: String, _ expected: [String]) throws {
        #expect(try accounts.search(keyword, besides: nil, limit: 50).map(\.username) == expected)
    }

    @Test("who asks is left out")
    func oneself() throws {
        #expect(try accounts.search("ben", besides: home.ben.id, limit: 50).map(\.username) == ["BEN_Ölund"])
        #expect(try accounts.search("asha", besides: home.asha.id, limit: 50).isEmpty)
    }

    @Test("people come by id, up to a limit, behind an id")
    func pages() throws {
        #expect(try accounts.search("n", besides: nil, limit: 2).map(\.username) == ["ben", "BEN_Ölund"])
        #expect(
            try accounts.search("n", besides: nil, after: home.ben.id, limit: 1).map(\.username) == ["BEN_Ölund"])
        #expect(try accounts.page(after: UserID(0), limit: 2).map(\.username) == ["asha", "ben"])
        #expect(try accounts.page(after: home.ben.id, limit: 2).map(\.username) == ["chitra", "Élodie"])
        #expect(try accounts.page(after: UserID(8), limit: 2).isEmpty)
    }

    @Test("somebody is an administrator if they were made one")
    func administrators() throws {
        let admin = try home.added("root", isAdministrator: true)
        #expect(try accounts.isAdministrator(admin.id))
        #expect(try !accounts.isAdministrator(home.asha.id))
        #expect(try !accounts.isAdministrator(UserID(99)))
    }

    @Test("somebody whose transaction failed is nobody, even if they were looked up in it")
    func failure() throws {
        let store = home.store
        var lost: UserID?
        #expect(throws: StoreError.self) {
            try store.transaction { () throws(StoreError) in
                let added = try store.accounts.add(username: "x", name: "", college: nil, password: nil, at: .start)
                lost = try store.accounts.user(added.id)?.id
                _ = try store.accounts.add(username: "x", name: "", college: nil, password: nil, at: .start)
            }
        }
        #expect(try accounts.user(try #require(lost)) == nil)
    }
}
