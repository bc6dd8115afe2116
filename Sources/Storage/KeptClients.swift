package import Chat

/// Clients of Socket.IO that may come back to any node of a cluster after their connection broke, as all nodes see them.
/// Everything happens inside transactions, where several nodes share the store.
///
/// A client's secret (`pid`) is kept as it is: it is worth nothing without a token of the same person.
package final class KeptClients {
    package struct Client: Equatable, Sendable {
        package let pid: String
        package let user: UserID
        /// The id of the client's socket.
        package let sid: String
        /// It hears what came after this.
        package let start: StorePosition
        /// The conversations whose rooms it has joined.
        package let joined: [ConversationID]
        /// When its connection broke, where its node has noticed that.
        package let lostAt: Timestamp?

        package init(
            pid: String, user: UserID, sid: String, start: StorePosition, joined: [ConversationID], lostAt: Timestamp?
        ) {
            self.pid = pid
            self.user = user
            self.sid = sid
            self.start = start
            self.joined = joined
            self.lostAt = lostAt
        }
    }

    private let insert, update, end, find, take: Statement
    private let endAll, leave: Statement
    private let renew, join, silentNodes, removeNode, endOfNode, endLost: Statement
    /// Rows that are deleted at once.
    private static let slice: Int64 = 10_000
    /// Bytes that a client may name itself with.
    private static let longestPID = 64

    init(_ database: Database) throws(StoreError) {
        insert = try database.prepare(
            """
            INSERT INTO kept_clients (pid, node, lost_at, message_id, notification_id, joined, user_id, sid)
            VALUES (?1, ?2, ?3, ?4, ?5, cast(?6 AS bigint[]), ?7, ?8)
            ON CONFLICT (pid) DO UPDATE SET lost_at = excluded.lost_at, joined = excluded.joined
            WHERE kept_clients.node = excluded.node
            """)
        // Who has gone to another node is that one's.
        update = try database.prepare(
            """
            UPDATE kept_clients SET lost_at = ?3, message_id = ?4, notification_id = ?5, joined = cast(?6 AS bigint[])
            WHERE pid = ?1 AND node = ?2
            """)
        end = try database.prepare("DELETE FROM kept_clients WHERE pid = ?1 AND node = ?2")
        find = try database.prepare(
            """
            SELECT sid, node, message_id, notification_id, lost_at, seen_at, array_to_string(
                ARRAY(
                    SELECT conversation_id FROM members
                    WHERE members.user_id = kept_clients.user_id AND conversation_id = ANY (joined)),
                ' ')
            FROM kept_clients LEFT JOIN nodes ON nodes.id = node WHERE pid = ?1 AND user_id = ?2
            """)
        take = try database.prepare("UPDATE kept_clients SET node = ?2, lost_at = NULL WHERE pid = ?1")
        endAll = try database.prepare("DELETE FROM kept_clients WHERE user_id = ?1")
        leave = try database.prepare("UPDATE kept_clients SET joined = array_remove(joined, ?2) WHERE user_id = ?1")
        renew = try database.prepare("UPDATE nodes SET seen_at = ?2 WHERE id = ?1")
        join = try database.prepare("INSERT INTO nodes (id, seen_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
        silentNodes = try database.prepare("SELECT id FROM nodes WHERE seen_at < ?1")
        removeNode = try database.prepare("DELETE FROM nodes WHERE id = ?1")
        endOfNode = try database.prepare(
            "DELETE FROM kept_clients WHERE pid IN (SELECT pid FROM kept_clients WHERE node = ?1 LIMIT ?2)")
        endLost = try database.prepare(
            "DELETE FROM kept_clients WHERE pid IN (SELECT pid FROM kept_clients WHERE lost_at < ?1 LIMIT ?2)")
    }

    // MARK: - For the node that has a client

    /// Keeps a client's state as it is now, unless another node has taken it up.
    ///
    /// - Parameters:
    ///   - node: Which has it.
    ///   - isNew: Whether it was never saved for certain.
    package func save(_ client: Client, isNew: Bool, by node: String) throws(StoreError) {
        let values: [SQLValue] = [
            .text(client.pid), .text(node), SQLValue(client.lostAt?.microseconds),
            .integer(client.start.message.rawValue), .integer(client.start.notification.rawValue),
            .text("{" + client.joined.map(\.description).joined(separator: ",") + "}"),
        ]
        if isNew {
            try insert.run(all: values + [.integer(client.user.rawValue), .text(client.sid)])
        } else {
            try update.run(all: values)
        }
    }

    /// A client does not come back.
    package func end(_ pid: String, by node: String) throws(StoreError) { try end.run(.text(pid), .text(node)) }

    // MARK: - Coming back

    /// A client as it comes back, in those rooms only whose conversations its person is in still.
    package struct Returned: Equatable, Sendable {
        package let client: Client
        /// The node that had it.
        package let node: String
        /// Whether the node that takes it up was not known, or was taken for gone, with all that it had.
        package fileprivate(set) var isNewNode = false
    }

    /// Has a node take up a client of a person, and know of that node from here on: the client may go at once.
    ///
    /// - Parameters:
    ///   - patience: How long clients may be away. Of one whose node has not said when the connection broke, that node was
    ///     there then, at the latest.
    ///   - interval: How often nodes say that they are there.
    /// - Returns: `nil` where there is no such client of this person, or it was away for too long.
    package func takeUp(
        _ pid: String, of user: UserID, by node: String, at now: Timestamp, patience: Duration, interval: Duration
    ) throws(StoreError) -> Returned? {
        if pid.utf8.count > Self.longestPID { return nil }
        let found = try find.first(.text(pid), .integer(user.rawValue)) { row in
            let lostAt = row.optionalInteger(4).map { Timestamp(microseconds: $0) }
            let seenAt = row.optionalInteger(5).map { Timestamp(microseconds: $0) + interval }
            let client = Client(
                pid: pid, user: user, sid: row.text(0),
                start: StorePosition(
                    message: MessageID(row.integer(2)), notification: NotificationID(row.integer(3))),
                joined: row.text(6).split(separator: " ").compactMap { Int64($0) }.map { ConversationID($0) },
                lostAt: lostAt)
            return (returned: Returned(client: client, node: row.text(1)), wasThere: lostAt ?? seenAt)
        }
        guard var found else { return nil }
        if found.returned.node != node || found.returned.client.lostAt != nil {
            guard let wasThere = found.wasThere, wasThere >= now - patience else { return nil }
        }
        try take.run(.text(pid), .text(node))
        found.returned.isNewNode = try join.change(.text(node), .integer(now.microseconds)) > 0
        return found.returned
    }

    // MARK: - What happens to people

    /// A person was deleted.
    func forget(_ user: UserID) throws(StoreError) { try endAll.run(.integer(user.rawValue)) }

    /// A person is no longer in a conversation, and so not in its room.
    func remove(_ user: UserID, from conversation: ConversationID) throws(StoreError) {
        try leave.run(.integer(user.rawValue), .integer(conversation.rawValue))
    }

    // MARK: - Nodes

    /// A node that has clients says that it is there.
    ///
    /// - Returns: Whether it was not known, or was taken for gone, with all that it had.
    package func renew(_ node: String, at now: Timestamp) throws(StoreError) -> Bool {
        if try renew.change(.text(node), .integer(now.microseconds)) > 0 { return false }
        try join.run(.text(node), .integer(now.microseconds))
        return true
    }

    /// Forgets some of those whose connections, or nodes, were lost before a moment.
    package func forget(before moment: Timestamp) throws(StoreError) {
        let (moment, slice) = (SQLValue.integer(moment.microseconds), SQLValue.integer(Self.slice))
        try endLost.run(moment, slice)
        for node in try silentNodes.all(moment, read: { $0.text(0) }) {
            if try endOfNode.change(.text(node), slice) < Self.slice { try removeNode.run(.text(node)) }
        }
    }
}
