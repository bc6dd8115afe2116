import Chat
import Storage
import Testing

/// A database that was written when there were no groups, no administrators and no search.
@Suite struct SecondVersionTests {
    private static let usernames = ["asha", "Élodie", "ИВАН", "BEN"]

    private static let schema = """
        CREATE TABLE users (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            username TEXT NOT NULL COLLATE NOCASE UNIQUE,
            name TEXT NOT NULL,
            college INTEGER,
            password TEXT,
            created_at INTEGER NOT NULL,
            delivered_id INTEGER NOT NULL DEFAULT 0,
            notifications_after INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE tokens (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            digest BLOB NOT NULL UNIQUE,
            user_id INTEGER NOT NULL REFERENCES users,
            created_at INTEGER NOT NULL,
            expires_at INTEGER
        ) STRICT;
        CREATE INDEX tokens_of_user ON tokens (user_id);
        CREATE TABLE conversations (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            created_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE direct_conversations (
            first_user INTEGER NOT NULL REFERENCES users,
            second_user INTEGER NOT NULL REFERENCES users,
            conversation_id INTEGER NOT NULL REFERENCES conversations,
            PRIMARY KEY (first_user, second_user)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE members (
            user_id INTEGER NOT NULL REFERENCES users,
            conversation_id INTEGER NOT NULL REFERENCES conversations,
            last_read_id INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (user_id, conversation_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY,
            conversation_id INTEGER NOT NULL,
            sender_id INTEGER NOT NULL,
            text TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            attachment TEXT
        ) STRICT;
        CREATE INDEX messages_of_conversation ON messages (conversation_id, id);
        CREATE TABLE client_ids (
            sender_id INTEGER NOT NULL,
            client_id TEXT NOT NULL,
            message_id INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (sender_id, client_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX client_ids_by_age ON client_ids (created_at);
        CREATE TABLE notifications (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            audience INTEGER NOT NULL,
            audience_id INTEGER NOT NULL,
            title TEXT NOT NULL,
            message TEXT NOT NULL,
            category TEXT NOT NULL,
            type TEXT NOT NULL,
            link TEXT,
            priority TEXT NOT NULL,
            data TEXT NOT NULL,
            created_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX notifications_of_audience ON notifications (audience, audience_id, id);
        CREATE TABLE notification_reads (
            user_id INTEGER NOT NULL,
            notification_id INTEGER NOT NULL,
            read_at INTEGER NOT NULL,
            PRIMARY KEY (user_id, notification_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE counter (value INTEGER NOT NULL) STRICT;
        INSERT INTO counter VALUES (41);
        PRAGMA user_version = 2;
        """

    /// Asha has read the first of two messages to her, and got it; both are of the direct conversation 1 with Élodie.
    private static let messages = """
        INSERT INTO conversations VALUES (1, 1767702600000000);
        INSERT INTO direct_conversations VALUES (1, 2, 1);
        INSERT INTO members VALUES (1, 1, 1), (2, 1, 0);
        INSERT INTO messages VALUES (1, 1, 2, 'read', 1767702600000000, NULL);
        INSERT INTO messages VALUES (2, 1, 2, 'unread', 1767702600000000, 'https://a/b');
        INSERT INTO client_ids VALUES (2, 'c-2', 2, 1767702600000000);
        UPDATE users SET delivered_id = 1 WHERE id = 1;
        """

    private let folder: TemporaryFolder
    private let store: Store

    init() throws {
        folder = try TemporaryFolder()
        do {
            let database = try Database(path: folder.database, .readWrite)
            try database.execute(Self.schema)
            let insert = try database.prepare(
                "INSERT INTO users (username, name, created_at, notifications_after) VALUES (?1, ?1, 0, 0)")
            for username in Self.usernames { try insert.run(.text(username)) }
            try database.execute(Self.messages)
        }
        store = try Store(path: folder.database)
    }

    @Test(
        "people are found by their usernames in upper or lower case",
        arguments: [
            ("élo", ["Élodie"]), ("ÉLODIE", ["Élodie"]), ("иван", ["ИВАН"]), ("ВАН", ["ИВАН"]), ("ben", ["BEN"]),
            ("a", ["asha"]),
        ])
    func search(_ keyword: String, _ expected: [String]) throws {
        #expect(try store.accounts.search(keyword, besides: nil, limit: 9).map(\.username) == expected)
        let reader = try ReadStore(path: folder.database)
        #expect(try reader.accounts.search(keyword, besides: nil, limit: 9).map(\.username) == expected)
    }

    @Test("people keep their names, and nobody is an administrator")
    func people() throws {
        #expect(try store.accounts.allUsers().map(\.username) == Self.usernames)
        for user in try store.accounts.allUsers() { #expect(try !store.accounts.isAdministrator(user.id)) }
    }

    @Test("the conversation of two people stays theirs, and no group")
    func conversation() throws {
        let user = try #require(try store.accounts.user(UserID(2)))
        let outcome = try store.transaction { () throws(StoreError) in
            try store.apply(.startConversation(by: user, with: UserID(1), at: .start))
        }
        guard case .started(let conversation, isNew: false) = outcome else { throw Unexpected(outcome) }
        #expect(conversation.id == ConversationID(1))
        #expect(!conversation.isGroup)
        #expect(conversation.title == nil)
        #expect(conversation.participants.map(\.username) == ["asha", "Élodie"])
    }

    @Test("what waits still waits, and what is unread is unread")
    func backlog() throws {
        #expect(try store.waiting(for: UserID(1)).messages.map(\.text) == ["unread"])
        #expect(try store.backlog(of: UserID(1), after: MessageID(0)).messages.map(\.text) == ["read", "unread"])
        let conversation = try #require(try store.conversations.conversation(ConversationID(1), of: UserID(1)))
        let summary = try store.conversations.summary(of: conversation, for: UserID(1))
        #expect(summary.unreadCount == 1)
        #expect(summary.lastMessage?.attachment?.url == "https://a/b")
        #expect(
            try store.conversations.messages(of: ConversationID(1), before: nil, limit: 9).map(\.text)
                == ["read", "unread"])
    }

    @Test("a message that is repeated after the migration is known")
    func repeated() throws {
        let sender = try #require(try store.accounts.user(UserID(2)))
        let draft = Draft(text: "unread", clientID: ClientID("c-2"))
        let outcome = try store.transaction { () throws(StoreError) in
            try store.apply(.send(draft, from: sender, to: .person(UserID(1)), at: .start))
        }
        guard case .repeated(let message) = outcome else { throw Unexpected(outcome) }
        #expect(message.id == MessageID(2))
        #expect(try store.counter() == 41)
    }

    @Test("it has become what a new database is")
    func schema() throws {
        let shape = """
            SELECT t.type || ' ' || t.name || ' ' || coalesce(c.name, '')
            FROM sqlite_schema t LEFT JOIN pragma_table_info(t.name) c ORDER BY t.name, c.cid
            """
        let new = try TemporaryStore()
        let shapes = try [.sqlite(path: folder.database), new.location].map { location in
            try Database(location, .readOnly).prepare(shape).all { $0.text(0) }
        }
        #expect(shapes[0] == shapes[1])
        #expect(shapes[0].contains("table users folded"))
    }
}
