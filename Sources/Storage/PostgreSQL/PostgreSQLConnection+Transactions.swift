internal import CPostgreSQL

// How transactions begin and end, and what became of one whose commit was not answered.

extension PostgreSQLConnection {
    /// Begins a transaction: for who writes, the only one at the time, over all nodes.
    func begin() throws(StoreError) {
        try ready()
        isInTransaction = true
        transactionID = nil
        do {
            try send(.begin, [], .change)
            if access == .readWrite { try send(.lock, [], .transactionID) }
        } catch {
            isInTransaction = false
            throw error
        }
    }

    /// Begins to read at one moment.
    func beginReading() throws(StoreError) {
        try ready()
        isInTransaction = true
        do {
            try send(.beginReading, [], .change)
        } catch {
            isInTransaction = false
            throw error
        }
    }

    /// Commits, and makes sure that it is done: when the connection breaks before the server has said so, the next one
    /// asks what became of it.
    func commit() throws(StoreError) {
        if access == .readWrite, transactionID == nil {
            try synchronize()
            _ = try collect()
        }
        let id = transactionID
        let result: PostgreSQLResult
        do {
            result = try answer(.commit, [])
        } catch  where error.kind == .connection {
            isInTransaction = false
            guard let id else { throw error }
            if try wasCommitted(id) { return }
            throw error
        }
        // Of a transaction in which something failed, a rollback is the answer.
        if result.command != "COMMIT" { throw StoreError(.other, "the transaction was rolled back") }
        isInTransaction = false
    }

    /// Takes back what the transaction has changed.
    func rollBack() {
        defer {
            isInTransaction = false
            queuedError = nil
        }
        guard isInTransaction, unsafe handle != nil else { return }
        do {
            if answered < awaited.count {
                try synchronize()
                _ = try? collect()
            }
            if unsafe handle != nil { _ = try answer(.rollBack, []) }
        } catch {
            // The server does it by itself when there is no connection.
            close()
        }
    }

    /// What became of a transaction whose commit was not answered.
    private func wasCommitted(_ id: String) throws(StoreError) -> Bool {
        unsettled = (id, process)
        let deadline = ContinuousClock.now + location.patience
        while true {
            do {
                return try settle()
            } catch {
                if ContinuousClock.now >= deadline {
                    throw StoreError(
                        .unsettled, "whether the last changes were stored is not known: \(error.message)")
                }
            }
            switchboard_sleep(20)
        }
    }

    /// Whether the transaction was committed whose commit was not answered.
    ///
    /// - Throws: While that can't be found out.
    func settle() throws(StoreError) -> Bool {
        guard let (id, former) = unsettled else { return false }
        let state: String
        do {
            let result = try answer(.status, [.text(id)])
            state = result.count > 0 ? PostgreSQLRow(result, 0).text(0) : ""
        } catch  where !error.isPassing {
            // Another server has taken its place, which never had the transaction.
            unsettled = nil
            return false
        }
        if state == "in progress" {
            // Its session waits for us, on a connection that is gone.
            if let former { _ = try answer(.terminate, [.integer(former.number), .text(former.began)]) }
            throw StoreError(.connection, "the last transaction has not ended yet")
        }
        unsettled = nil
        return state == "committed"
    }
}

extension PostgreSQLQuery {
    // What a connection runs by itself.
    fileprivate static let begin = PostgreSQLQuery("begin", "BEGIN")
    fileprivate static let beginReading = PostgreSQLQuery(
        "begin_reading", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    fileprivate static let lock = PostgreSQLQuery(
        "lock", "SELECT pg_current_xact_id()::text, pg_advisory_xact_lock(\(PostgreSQLSchema.lock))")
    fileprivate static let commit = PostgreSQLQuery("commit", "COMMIT")
    fileprivate static let rollBack = PostgreSQLQuery("roll_back", "ROLLBACK")
    fileprivate static let status = PostgreSQLQuery("status", "SELECT pg_xact_status(?1::text::xid8)")
    fileprivate static let terminate = PostgreSQLQuery(
        "terminate",
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid = ?1 AND backend_start = ?2::text::timestamptz
        """)
}
