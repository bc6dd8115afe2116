/// The schema of an SQLite database, as the steps that lead to it. A step that was released is never changed.
enum Migrations {
    /// What both kinds of database are brought to.
    static var newest: Int { steps.count }

    /// Step *n* (from 1) takes a database from version *n* - 1 to *n*; `PRAGMA user_version` holds the version.
    static let steps: [String] = [
        """
        CREATE TABLE users (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            username TEXT NOT NULL COLLATE NOCASE UNIQUE,
            name TEXT NOT NULL,
            college INTEGER,
            password TEXT, -- argon2id, encoded; null: signs in with tokens only
            created_at INTEGER NOT NULL,
            delivered_id INTEGER NOT NULL DEFAULT 0, -- messages up to here need no backlog
            notifications_after INTEGER NOT NULL -- those up to here were for people who came earlier
        ) STRICT;

        CREATE TABLE tokens (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            digest BLOB NOT NULL UNIQUE, -- SHA-256
            user_id INTEGER NOT NULL REFERENCES users,
            created_at INTEGER NOT NULL,
            expires_at INTEGER
        ) STRICT;
        CREATE INDEX tokens_of_user ON tokens (user_id);

        CREATE TABLE conversations (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            created_at INTEGER NOT NULL
        ) STRICT;

        -- The one conversation of each pair of people; first_user < second_user.
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

        -- The writer gives the ids, one more than the newest; the newest message is never deleted.
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY,
            conversation_id INTEGER NOT NULL,
            sender_id INTEGER NOT NULL,
            text TEXT NOT NULL,
            created_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX messages_of_conversation ON messages (conversation_id, id);

        -- What senders named their messages, for a day.
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
            audience INTEGER NOT NULL, -- 0 everybody, 1 a college, 2 a person
            audience_id INTEGER NOT NULL, -- 0, the college, the person
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
        INSERT INTO counter VALUES (0);
        """,
        """
        ALTER TABLE messages ADD COLUMN attachment TEXT; -- a URL
        """,
        """
        ALTER TABLE users ADD COLUMN is_admin INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE users ADD COLUMN folded TEXT; -- the username in lower case, to be searched in

        ALTER TABLE conversations ADD COLUMN is_group INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE conversations ADD COLUMN title TEXT;
        ALTER TABLE members ADD COLUMN joined_after INTEGER NOT NULL DEFAULT 0; -- older messages are no backlog
        CREATE INDEX members_of_conversation ON members (conversation_id, user_id);

        ALTER TABLE users ADD COLUMN notifications_read_id INTEGER NOT NULL DEFAULT 0; -- those up to here are read

        -- What callers named their requests, for a day.
        CREATE TABLE request_keys (
            scope TEXT NOT NULL,
            name TEXT NOT NULL,
            result_id INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (scope, name)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX request_keys_by_age ON request_keys (created_at);

        CREATE TABLE notices (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            title TEXT NOT NULL,
            content TEXT NOT NULL,
            college INTEGER, -- null: everybody's
            created_at INTEGER NOT NULL,
            published_at INTEGER -- null: a draft
        ) STRICT;

        CREATE TABLE bulk_messages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            title TEXT NOT NULL,
            message TEXT NOT NULL,
            category TEXT NOT NULL,
            type TEXT NOT NULL,
            link TEXT,
            priority TEXT NOT NULL,
            data TEXT NOT NULL,
            audience INTEGER NOT NULL, -- 0 everybody, 1 a college, 2 those in bulk_recipients
            audience_id INTEGER NOT NULL,
            last_user_id INTEGER NOT NULL, -- who came later is not meant
            done_id INTEGER NOT NULL DEFAULT 0, -- people up to here have it
            status TEXT NOT NULL,
            total INTEGER NOT NULL,
            sent INTEGER NOT NULL DEFAULT 0,
            unknown INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            finished_at INTEGER
        ) STRICT;
        CREATE INDEX running_bulk_messages ON bulk_messages (id) WHERE status = 'running';

        CREATE TABLE bulk_recipients (
            bulk_message_id INTEGER NOT NULL REFERENCES bulk_messages,
            user_id INTEGER NOT NULL,
            PRIMARY KEY (bulk_message_id, user_id)
        ) STRICT, WITHOUT ROWID;

        -- Made at the first start.
        CREATE TABLE secrets (
            name TEXT PRIMARY KEY,
            value BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        """,
        """
        -- Where a conversation's messages are. They are filed many at a time, in order, so that they share pages.
        CREATE TABLE filed_messages (
            conversation_id INTEGER NOT NULL,
            message_id INTEGER NOT NULL,
            PRIMARY KEY (conversation_id, message_id)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO filed_messages SELECT conversation_id, id FROM messages ORDER BY conversation_id, id;
        CREATE TABLE filing (message_id INTEGER NOT NULL) STRICT; -- all messages up to here are filed
        INSERT INTO filing SELECT coalesce(max(id), 0) FROM messages;
        DROP INDEX messages_of_conversation;

        -- All of them, filed or not.
        CREATE VIEW conversation_messages AS
            SELECT conversation_id, message_id FROM filed_messages
            UNION ALL
            SELECT conversation_id, id FROM messages WHERE id > (SELECT message_id FROM filing);
        """,
        """
        -- What ends connections that are open, whoever revokes it.
        CREATE TABLE revocations (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            token_id INTEGER, -- null: all that the person has
            digest BLOB,
            user_id INTEGER NOT NULL,
            revoked_at INTEGER NOT NULL
        ) STRICT;
        CREATE TRIGGER token_revoked AFTER DELETE ON tokens
        WHEN OLD.expires_at IS NULL OR OLD.expires_at > unixepoch() * 1000000
        BEGIN
            INSERT INTO revocations (token_id, digest, user_id, revoked_at)
            VALUES (OLD.id, OLD.digest, OLD.user_id, unixepoch() * 1000000);
        END;
        CREATE TRIGGER user_revoked AFTER DELETE ON users
        BEGIN
            INSERT INTO revocations (user_id, revoked_at) VALUES (OLD.id, unixepoch() * 1000000);
        END;
        """,
        """
        ALTER TABLE users ADD COLUMN state INTEGER NOT NULL DEFAULT 0; -- 0 may sign in, 1 switched off, 2 deleted

        CREATE TRIGGER user_disabled AFTER UPDATE OF state ON users WHEN NEW.state <> OLD.state AND NEW.state <> 0
        BEGIN
            INSERT INTO revocations (user_id, revoked_at) VALUES (NEW.id, unixepoch() * 1000000);
        END;

        -- Ids up to here were given to messages, some of which may be gone.
        CREATE TABLE issued (message_id INTEGER NOT NULL) STRICT;
        INSERT INTO issued VALUES (0);

        -- People who were deleted, and whose traces are being erased.
        CREATE TABLE erasures (
            user_id INTEGER PRIMARY KEY,
            keeps_messages INTEGER NOT NULL,
            done_id INTEGER NOT NULL DEFAULT 0 -- messages up to here were looked through
        ) STRICT;
        CREATE INDEX notification_reads_of_notification ON notification_reads (notification_id);
        """,
        // Nothing: what came with these versions is for nodes that share a database.
        "", "",
        """
        -- What is filed of a conversation at once shares a row.
        DROP VIEW conversation_messages;
        ALTER TABLE filed_messages RENAME TO filed_before;
        CREATE TABLE filed_messages (
            conversation_id INTEGER NOT NULL,
            last_id INTEGER NOT NULL,
            ids TEXT, -- an array of JSON; null: of the last only
            PRIMARY KEY (conversation_id, last_id)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO filed_messages
            SELECT conversation_id, max(message_id), CASE WHEN count(*) > 1 THEN json_group_array(message_id) END FROM (
                SELECT conversation_id, message_id,
                    (row_number() OVER (PARTITION BY conversation_id ORDER BY message_id) - 1) / 64 AS part
                FROM filed_before)
            GROUP BY conversation_id, part ORDER BY conversation_id, part;
        DROP TABLE filed_before;

        -- All of them, filed or not.
        CREATE VIEW conversation_messages AS
            SELECT conversation_id, filed.value AS message_id
            FROM filed_messages, json_each(coalesce(ids, last_id)) AS filed
            UNION ALL
            SELECT conversation_id, id FROM messages WHERE id > (SELECT message_id FROM filing);
        """,
    ]

    /// Brings a database to the newest version, each step in a transaction of its own.
    ///
    /// - Throws: Also when the database is newer than this program.
    static func run(on database: Database) throws(StoreError) {
        let version = try database.prepare("PRAGMA user_version")
        while true {
            let isDone = try database.transaction { () throws(StoreError) -> Bool in
                let current = try version.first { Int($0.integer(0)) } ?? 0
                if current > steps.count {
                    throw StoreError(
                        code: 1,
                        message: "the database is of version \(current), this program knows up to \(steps.count)")
                }
                if current == steps.count { return true }
                try database.execute(steps[current])
                try database.execute("PRAGMA user_version = \(current + 1)")
                return false
            }
            if isDone { return }
        }
    }
}
