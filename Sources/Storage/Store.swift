package import Chat

/// The database as its one writer sees it. Belongs to the writer's thread.
///
/// Every change runs inside ``transaction(_:)``; what it answers is true once that returns.
package final class Store {
    package let database: Database
    let statements: Statements
    package let accounts: Accounts
    package let conversations: Conversations
    package let notifications: Notifications
    package let notices: Notices
    package let bulkMessages: BulkMessages
    let requestKeys: RequestKeys
    let revocations: Revocations
    /// Where other nodes may write to the store.
    package let keptClients: KeptClients?
    let erasure: ErasureStatements
    let retention: RetentionStatements
    let log: WriteAheadLog?

    /// How many rows were ever changed here.
    package var changedRows: Int64 { database.totalChanges }

    /// The id of the newest message.
    package var lastMessage: MessageID { newest }
    /// The same for this module, where accesses are not checked at run time.
    var newest = MessageID(0)
    // Unchecked, here and below: changes are those of tables of ids.
    /// What was looked up before: a pair's conversation never changes.
    @safe @exclusivity(unchecked) var directConversations: [Pair: ConversationID] = [:]
    /// Who is in a conversation, for those that were written into lately.
    @safe @exclusivity(unchecked) var members = IDTable<Conversation, [UserID]>()
    /// What was stored lately and not filed by conversation.
    let unfiled: UnfiledMessages
    /// Who is deleted: nothing is stored in their name, or for them.
    var gone: Set<UserID> = [] { didSet { isAnyoneGone = !gone.isEmpty } }
    private(set) var isAnyoneGone = false
    var newlyGone: [UserID] = []
    /// Whether the journal holds what was erased, and of whom it holds nothing any more.
    package internal(set) var wantsScrub = false
    var scrubbed: Set<UserID> = []
    /// Whether what is deleted stays in a journal for a while, which is emptied then.
    let hasJournal: Bool
    /// Whether the transaction under way has changed what other nodes remember of people and who is where.
    var hasChangedPeople = false
    /// What was last seen of what other nodes have changed.
    var versions = SharedVersions()
    /// Whether the transaction under way has been given a number.
    var isAnnounced = false
    /// The number of the newest transaction that the last one found among those that have one, and how far messages and
    /// notifications had got then. Where other nodes may write to the store only (``isShared``).
    package internal(set) var seen = (
        batch: Int64(0), position: StorePosition(message: MessageID(0), notification: NotificationID(0))
    )
    /// Whether the transaction under way has filed messages, and whether what is in memory has to be read anew.
    var hasFiled = false
    private var needsReload = false
    static let cacheLimit = 100_000
    static let membersCacheLimit = 10_000

    /// Two people, the smaller id first.
    struct Pair: Hashable {
        let first: UserID
        let second: UserID

        init(_ one: UserID, _ other: UserID) {
            (first, second) = one < other ? (one, other) : (other, one)
        }
    }

    /// Opens an SQLite database; see ``init(_:logLimit:)``.
    package convenience init(path: String, logLimit: Int? = nil) throws(StoreError) {
        try self.init(.sqlite(path: path), logLimit: logLimit)
    }

    /// Opens the database, creates or migrates it, and makes commits wait for the disk.
    ///
    /// - Parameter logLimit: For the server on SQLite, which calls ``checkpointIfDue()``: how many pages the write-ahead
    ///   log may have. Commands leave the log to the server, or to the end of the last of them.
    package init(_ location: StoreLocation, logLimit: Int? = nil) throws(StoreError) {
        let database = try Database(location, .readWrite)
        self.database = database
        if let sqlite = database.sqlite {
            log = try Self.prepare(sqlite, logLimit: logLimit)
            try Migrations.run(on: database)
        } else {
            log = nil
            try PostgreSQLMigration.run(on: database)
        }
        hasJournal = database.sqlite != nil
        unfiled = UnfiledMessages(isKept: database.sqlite != nil)
        statements = try Statements(database)
        accounts = try Accounts(database)
        conversations = try Conversations(database, accounts)
        notifications = try Notifications(database, isWriter: true)
        notices = try Notices(database)
        bulkMessages = try BulkMessages(database)
        requestKeys = try RequestKeys(database)
        revocations = try Revocations(database)
        keptClients = try database.postgresql.map { _ throws(StoreError) in try KeptClients(database) }
        erasure = try ErasureStatements(database)
        retention = try RetentionStatements(database)
        gone = Set(try erasure.gone.all { UserID($0.integer(0)) })
        isAnyoneGone = !gone.isEmpty
        try transaction { () throws(StoreError) in try accounts.foldUsernames(in: database) }
        try reload()
    }

    /// Sets an SQLite connection up for writing.
    private static func prepare(_ database: SQLiteConnection, logLimit: Int?) throws(StoreError) -> WriteAheadLog? {
        try database.execute("PRAGMA busy_timeout = \(patience)")
        try database.execute("PRAGMA journal_mode = WAL")
        try database.execute("PRAGMA synchronous = FULL")
        try database.execute("PRAGMA wal_autocheckpoint = 0")
        try database.execute("PRAGMA foreign_keys = ON")
        let log = try logLimit.map { limit throws(StoreError) in try WriteAheadLog(of: database, limit: limit) }
        // What is deleted is overwritten.
        try database.execute("PRAGMA secure_delete = ON")
        return log
    }

    /// How long the database may be held by others, in milliseconds: a command that runs beside the server is done in less.
    static let patience = 1000
    /// 32 MiB: a page that changes again and again is written back once in a while only.
    package static let logLimit = 8192

    /// Keeps the write-ahead log short, between transactions. What is committed is safe, whatever becomes of this.
    ///
    /// - Parameter retries: Whether what failed is tried again; unless that would not be safe before the next start.
    /// - Returns: Whether it did something.
    package func checkpointIfDue(retries: Bool = true) throws(StoreError) -> Bool {
        try log?.checkpointIfDue(retries: retries) ?? false
    }

    /// Runs changes in one transaction. When it throws, nothing of them happened.
    package func transaction<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
        if needsReload { try reload() }
        let (last, count, lastRevocation) = (lastMessage, unfiled.count, revocations.last)
        let (gone, newlyGone) = (gone, newlyGone)
        hasFiled = false
        hasChangedPeople = false
        notifications.hasChanged = false
        do {
            if statements.raiseVersions == nil { return try database.transaction(body) }
            return try sharedTransaction(body)
        } catch {
            // What was remembered may never have happened.
            directConversations = [:]
            members.removeAll()
            accounts.forgetKnown()
            notifications.forgetCounts()
            newest = last
            self.gone = gone
            self.newlyGone = newlyGone
            revocations.last = lastRevocation
            if hasFiled { needsReload = true } else { unfiled.truncate(to: count) }
            throw error
        }
    }

    private func reload() throws(StoreError) {
        needsReload = true
        newest = try statements.lastMessage.first { MessageID($0.integer(0)) } ?? MessageID(0)
        unfiled.removeAll()
        try statements.filing?.unfiled.forEach { row in
            unfiled.append(
                MessageID(row.integer(0)), from: UserID(row.integer(1)), in: ConversationID(row.integer(2)))
            return true
        }
        needsReload = false
    }

    /// Carries out one change, inside a transaction.
    package func apply(_ change: Change) throws(StoreError) -> Outcome {
        if isAnyoneGone, isOfGone(change) { return .refused(.unknownRecipient) }
        switch change {
        case .send(let draft, let sender, let destination, let time):
            return try send(draft, from: sender, to: destination, at: time)
        case .markRead(let destination, let reader, let time):
            return try markRead(destination, by: reader, at: time)
        case .startConversation(let user, let other, let time):
            return try startConversation(of: user.id, and: other, at: time)
        case .join(let conversation, let user):
            if try others(in: conversation, besides: user) == nil { return .refused(.unknownConversation) }
            return .joined(conversation)
        case .notify(let audience, let content, let key, let time):
            return try notify(audience, content, key: key, at: time)
        case .readNotification(let id, let reader, let time):
            guard let reader = try user(reader), try notifications.isAddressed(id, to: reader) else {
                return .refused(.unknownNotification)
            }
            guard try notifications.markRead(id, by: reader, at: time) else { return .unchanged }
            return .notificationRead(by: reader.id, unread: try notifications.unreadCount(of: reader))
        case .readAllNotifications(let reader):
            guard let reader = try user(reader) else { return .unchanged }
            if try notifications.unreadCount(of: reader) == 0 { return .unchanged }
            try notifications.markAllRead(by: reader)
            return .notificationRead(by: reader.id, unread: 0)
        case .addNotice(let draft, let isPublished, let key, let time):
            return try addNotice(draft, isPublished: isPublished, key: key, at: time)
        case .publishNotice(let id, let time):
            return try publishNotice(id, at: time)
        case .count(let action, let key, let time):
            if try requestKeys.result(of: key, at: time) != nil { return .unchanged }
            guard let total = action.applied(to: try counter()) else { return .refused(.counterOverflow) }
            try statements.setCounter.run(.integer(total))
            try requestKeys.remember(total, of: key, at: time)
            return .counted(action, total: total, at: time)
        }
    }

    /// A secret of the server's own, inside a transaction.
    ///
    /// - Parameter fresh: What it becomes where it is missing.
    package func secret(_ name: String, orFresh fresh: [UInt8]) throws(StoreError) -> [UInt8] {
        let insert = try database.prepare("INSERT INTO secrets (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
        try insert.run(.text(name), .blob(fresh))
        let find = try database.prepare("SELECT value FROM secrets WHERE name = ?1")
        return try find.first(.text(name)) { $0.blob(0) } ?? fresh
    }

    /// The shared counter's value.
    package func counter() throws(StoreError) -> Int64 {
        try statements.counter.first { $0.integer(0) } ?? 0
    }

    /// Writes something that makes no difference, inside a transaction: fails where a change would.
    package func probe() throws(StoreError) { try statements.setCounter.run(.integer(try counter())) }

    /// A person who is not deleted.
    package func user(_ id: UserID) throws(StoreError) -> User? { gone.contains(id) ? nil : try accounts.user(id) }
}
