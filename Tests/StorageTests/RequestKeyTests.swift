import Chat
import Storage
import Testing

/// What callers name their requests, by the example of notifications.
@Suite(.onEachStore) struct RequestKeyTests {
    private let home: TemporaryStore
    private static let day = Duration.seconds(86_400)

    init() throws { home = try TemporaryStore() }

    private func key(_ name: String, scope: String = "a") throws -> RequestKey {
        RequestKey(scope: scope, name: try #require(ClientID(name)))
    }

    private func notify(
        _ key: RequestKey?, _ audience: Audience = .everybody, title: String = "T", at time: Timestamp = .start,
        in store: Store? = nil
    ) throws -> (notification: Notification, isRepeat: Bool) {
        let content = NotificationContent(title: title, message: "M")
        let store = store ?? home.store
        let outcome = try store.transaction { () throws(StoreError) in
            try store.apply(.notify(audience, content, key: key, at: time))
        }
        return switch outcome {
        case .notified(let notification): (notification, false)
        case .notifiedBefore(let notification): (notification, true)
        default: throw Unexpected(outcome)
        }
    }

    @Test("a repeat is known for a day, whatever it says, and is new after it")
    func lifetime() throws {
        let key = try key("k")
        let first = try notify(key, title: "first").notification
        for time in [Timestamp.start, .start + Self.day - .microseconds(1)] {
            let again = try notify(key, .college(CollegeID(1)), title: "again", at: time)
            #expect(again.isRepeat)
            #expect(again.notification.id == first.id)
            #expect(again.notification.content.title == "first")
            #expect(again.notification.audience == .everybody)
            #expect(again.notification.sentAt == .start)
        }
        let later = try notify(key, title: "later", at: .start + Self.day)
        #expect(!later.isRepeat)
        #expect(later.notification.id != first.id)
        #expect(
            try notify(key, at: .start + Self.day + Self.day - .microseconds(1)).notification.id
                == later.notification.id)
        #expect(try home.number("SELECT count(*) FROM notifications") == 2)
    }

    @Test("it is known after a restart")
    func restart() throws {
        let key = try key("k")
        let first = try notify(key).notification
        let again = try notify(key, in: home.another())
        #expect(again.isRepeat)
        #expect(again.notification.id == first.id)
    }

    @Test("other names, and the same name of somebody else, are other requests; without a name each is new")
    func scopes() throws {
        let keys = [try key("k"), try key("l"), try key("K"), try key("k", scope: "b"), nil, nil]
        let sent = try keys.map { try notify($0) }
        #expect(sent.allSatisfy { !$0.isRepeat })
        #expect(Set(sent.map(\.notification.id)).count == keys.count)
        let again = try keys.prefix(4).map { try notify($0) }
        #expect(again.map(\.notification.id) == sent.prefix(4).map(\.notification.id))
    }

    @Test("what was refused may be tried again under its name")
    func refused() throws {
        let key = try key("k")
        let content = NotificationContent(title: "T", message: "M")
        #expect(
            try home.apply(.notify(.person(UserID(99)), content, key: key, at: .start)).refusal == .unknownRecipient)
        #expect(try !notify(key).isRepeat)
    }

    @Test("a transaction that throws leaves no name")
    func failure() throws {
        let key = try key("k")
        let store = home.store
        let content = NotificationContent(title: "T", message: "M")
        #expect(throws: StoreError.self) {
            try store.transaction { () throws(StoreError) in
                _ = try store.apply(.notify(.everybody, content, key: key, at: .start))
                _ = try store.accounts.add(username: "ben", name: "", college: nil, password: nil, at: .start)
            }
        }
        #expect(try !notify(key).isRepeat)
    }

    @Test("names older than a day are forgotten, younger ones are not")
    func forgetting() throws {
        _ = try notify(key("old"))
        _ = try notify(key("young"), at: .later(1))
        let store = home.store
        try store.transaction { () throws(StoreError) in try store.forgetClientIDs(at: .start + Self.day) }
        #expect(try home.number("SELECT count(*) FROM request_keys") == 1)
        #expect(try notify(key("young"), at: .start + Self.day).isRepeat)
    }

    @Test("a secret is what it was made first, also over a restart, and each name has its own")
    func secrets() throws {
        func secret(_ name: String, _ fresh: [UInt8], in store: Store) throws -> [UInt8] {
            try store.transaction { () throws(StoreError) in try store.secret(name, orFresh: fresh) }
        }
        #expect(try secret("jwt", [0, 255, 7], in: home.store) == [0, 255, 7])
        #expect(try secret("jwt", [1], in: home.store) == [0, 255, 7])
        #expect(try secret("jwt", [2], in: home.another()) == [0, 255, 7])
        #expect(try secret("other", [3], in: home.store) == [3])
    }
}
