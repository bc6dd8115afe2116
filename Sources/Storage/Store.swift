package import Chat

/// The database as its one writer sees it. Belongs to the writer's thread.
///
/// Every change runs inside ``transaction(_:)``; what it answers is true once that returns.
package final class Store {
    let database: Database
    let statements: Statements
    package let accounts: Accounts
    package let notifications: Notifications

    /// The id of the newest message.
    package internal(set) var lastMessage = MessageID(0)
    /// What was looked up before: a pair's conversation never changes.
    var directConversations: [Pair: ConversationID] = [:]
    /// People never change while the server runs, but for what an update of this code will add.
    var users: [UserID: User] = [:]
    static let cacheLimit = 100_000

    /// Two people, the smaller id first.
    struct Pair: Hashable {
        let first: UserID
        let second: UserID

        init(_ one: UserID, _ other: UserID) {
            (first, second) = one < other ? (one, other) : (other, one)
        }
    }

    /// Opens the database, creates or migrates it, and makes commits wait for the disk.
    package init(path: String) throws(StoreError) {
        database = try Database(path: path, .readWrite)
        // A command that runs beside the server is done in less.
        try database.execute("PRAGMA busy_timeout = 1000")
        try database.execute("PRAGMA journal_mode = WAL")
        try database.execute("PRAGMA synchronous = FULL")
        try database.execute("PRAGMA foreign_keys = ON")
        try Migrations.run(on: database)
        statements = try Statements(database)
        accounts = try Accounts(database)
        notifications = try Notifications(database)
        try reload()
    }

    /// Runs changes in one transaction. When it throws, nothing of them happened.
    package func transaction<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
        do {
            return try database.transaction(statements.transaction, body)
        } catch {
            // What was remembered may never have happened.
            directConversations = [:]
            users = [:]
            try? reload()
            throw error
        }
    }

    private func reload() throws(StoreError) {
        lastMessage = try statements.lastMessage.first { MessageID($0.integer(0)) } ?? MessageID(0)
    }

    /// Carries out one change, inside a transaction.
    package func apply(_ change: Change) throws(StoreError) -> Outcome {
        switch change {
        case .sendDirect(let sender, let recipient, let text, let attachment, let clientID, let time):
            return try sendDirect(
                from: sender, to: recipient, text: text, attachment: attachment, clientID: clientID, at: time)
        case .markRead(let reader, let author, let time):
            return try markRead(by: reader, from: author, at: time)
        case .notify(let audience, let content, let time):
            if case .person(let id) = audience, try user(id) == nil { return .refused(.unknownRecipient) }
            return .notified(try notifications.add(content, for: audience, at: time))
        case .readNotification(let id, let reader, let time):
            guard let reader = try user(reader), try notifications.isAddressed(id, to: reader) else {
                return .refused(.unknownNotification)
            }
            guard try notifications.markRead(id, by: reader, at: time) else { return .unchanged }
            return .notificationRead(by: reader.id, unread: try notifications.unreadCount(of: reader))
        case .count(let action, let time):
            guard let total = action.applied(to: try counter()) else { return .refused(.counterOverflow) }
            try statements.setCounter.run(.integer(total))
            return .counted(action, total: total, at: time)
        }
    }

    /// The shared counter's value.
    package func counter() throws(StoreError) -> Int64 {
        try statements.counter.first { $0.integer(0) } ?? 0
    }

    /// Writes something that makes no difference, inside a transaction: fails where a change would.
    package func probe() throws(StoreError) { try statements.setCounter.run(.integer(try counter())) }

    func user(_ id: UserID) throws(StoreError) -> User? {
        if let user = users[id] { return user }
        guard let user = try accounts.user(id) else { return nil }
        if users.count >= Self.cacheLimit { users = [:] }
        users[id] = user
        return user
    }
}
