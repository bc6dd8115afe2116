internal import CPostgreSQL

/// One connection to PostgreSQL; belongs to one thread at a time. It is made again when it broke.
///
/// Statements go out in a pipeline (PostgreSQL's manual, "Pipeline Mode"): those whose rows are of no interest are only
/// queued, and who wants an answer waits for all that was asked before it too. So a transaction of many changes takes
/// about two journeys to the server and back: one for what it begins with, one for the changes and the commit.
@safe final class PostgreSQLConnection {
    /// What the server owes an answer to.
    private enum Awaited {
        case preparation(String)
        /// Nobody waits for it.
        case change
        case result
        case transactionID
        case synchronization
    }

    private let location: PostgreSQLLocation
    private let access: Database.Access
    /// A `PGconn`; `nil` while there is no connection.
    private var handle: OpaquePointer?
    /// In the order that it was asked for, from `answered` on.
    private var awaited: [Awaited] = []
    private var answered = 0
    private var unsent = 0
    /// What the server has compiled.
    private var prepared: Set<String> = []
    private var names = 0
    private var parameters = PostgreSQLParameters()
    private(set) var isInTransaction = false
    /// What came of a statement that nobody waited for.
    private var queuedError: StoreError?
    private(set) var totalChanges: Int64 = 0
    /// The transaction under way, so that its end can be asked for.
    private var transactionID: String?
    /// A transaction whose commit was not answered, and the session that it was in.
    private var unsettled: (id: String, session: (number: Int64, began: String)?)?
    /// The last connection's process on the server: its number, and when it began.
    private var process: (number: Int64, began: String)?
    private var retry = PostgreSQLRetry()

    /// - Throws: When the database can't be reached, or is none for this program.
    init(_ location: PostgreSQLLocation, _ access: Database.Access) throws(StoreError) {
        self.location = location
        self.access = access
        try open()
    }

    deinit { unsafe PQfinish(handle) }

    /// A name for a new statement.
    func takeName() -> String {
        names += 1
        return "s\(names)"
    }

    static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { String($0.drop { $0 == " " || $0 == "\t" }) }.joined(
            separator: "; ")
    }

    // MARK: - Connecting

    /// Makes a connection where there is none, unless the last attempt was just now.
    private func open() throws(StoreError) {
        if unsafe handle != nil { return }
        if let error = retry.reasonToWait { throw error }
        do {
            try connect()
            retry.succeeded()
        } catch {
            close()
            retry.failed(error)
            throw error
        }
    }

    private func connect() throws(StoreError) {
        unsafe handle = PQconnectdb(location.connectionString)
        guard let handle = unsafe handle else { throw StoreError(.other, "out of memory") }
        guard unsafe PQstatus(handle) == CONNECTION_OK else {
            throw unsafe StoreError(.connection, Self.oneLine(String(cString: PQerrorMessage(handle))))
        }
        unsafe switchboard_ignore_notices(handle)
        let version = unsafe PQserverVersion(handle)
        if version < 130_000 {
            throw StoreError(
                .other, "PostgreSQL \(version / 10_000).\(version % 10_000) is too old; 13 or newer is needed")
        }
        let encoding = unsafe PQparameterStatus(handle, "server_encoding").map { unsafe String(cString: $0) } ?? ""
        if encoding != "UTF8" { throw StoreError(.other, "the database's encoding is \(encoding); UTF8 is needed") }
        try executeAtOnce(PostgreSQLSchema.session(isReadOnly: access == .readOnly, isServer: location.limits != nil))
        process = (unsafe Int64(PQbackendPID(handle)), try began())
        unsafe PQsetnonblocking(handle, 1)
        unsafe PQenterPipelineMode(handle)
    }

    private func began() throws(StoreError) -> String {
        let result = try executeAtOnce("SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()")
        return result.count > 0 ? PostgreSQLRow(result, 0).text(0) : ""
    }

    /// Runs statements without a pipeline.
    @discardableResult
    private func executeAtOnce(_ sql: String) throws(StoreError) -> PostgreSQLResult {
        guard let handle = unsafe handle, let answer = unsafe PQexec(handle, sql) else { throw broken() }
        let result = unsafe PostgreSQLResult(adopting: answer)
        if [PGRES_COMMAND_OK, PGRES_TUPLES_OK].contains(result.status) { return result }
        let error = result.error
        let isOpen = unsafe PQstatus(handle) == CONNECTION_OK
        if error.kind == .connection || !isOpen {
            close()
            throw StoreError(.connection, error.message)
        }
        throw error
    }

    /// Gives the connection up.
    private func close() {
        unsafe PQfinish(handle)
        unsafe handle = nil
        awaited = []
        answered = 0
        unsent = 0
        prepared = []
    }

    /// The connection broke: gives it up, and says why.
    private func broken(_ reason: String? = nil) -> StoreError {
        let own = unsafe handle.map { unsafe Self.oneLine(String(cString: PQerrorMessage($0))) } ?? ""
        close()
        return StoreError(.connection, reason ?? (own.isEmpty ? "the connection to the database is gone" : own))
    }

    /// Has a connection that nobody waits on: outside of a transaction it is made again.
    private func ready() throws(StoreError) {
        if isInTransaction {
            if unsafe handle == nil { throw StoreError(.connection, "the connection to the database is gone") }
            return
        }
        if let handle = unsafe handle, answered == awaited.count {
            // What comes unasked is a notice, or the end.
            if unsafe switchboard_wait(PQsocket(handle), 0, 0) != 0 {
                if unsafe PQconsumeInput(handle) == 0 || PQstatus(handle) != CONNECTION_OK { _ = broken() }
            }
        }
        try open()
    }

    // MARK: - Asking

    /// Runs a statement whose rows are of no interest.
    func run(_ query: PostgreSQLQuery, _ values: [SQLValue]) throws(StoreError) {
        if !isInTransaction {
            _ = try ask(query, values)
            return
        }
        try send(query, values, .change)
        unsent += 1
        // The server works on it meanwhile.
        if unsent >= 32 { try push() }
    }

    /// Runs a statement and waits for what comes of it.
    func ask(_ query: PostgreSQLQuery, _ values: [SQLValue]) throws(StoreError) -> PostgreSQLResult {
        do {
            return try answer(query, values)
        } catch  where error.kind == .connection && access == .readOnly && !isInTransaction {
            // Reading twice does no harm.
            return try answer(query, values)
        }
    }

    private func answer(_ query: PostgreSQLQuery, _ values: [SQLValue]) throws(StoreError) -> PostgreSQLResult {
        try send(query, values, .result)
        try synchronize()
        guard let result = try collect() else { throw StoreError(.other, "the server gave no answer") }
        return result
    }

    private func send(
        _ query: PostgreSQLQuery, _ values: [SQLValue], _ awaited: Awaited
    ) throws(StoreError) {
        try ready()
        guard let handle = unsafe handle else { throw broken() }
        let name = query.name
        if !prepared.contains(name) {
            if unsafe PQsendPrepare(handle, name, query.sql, 0, nil) == 0 { throw broken() }
            prepared.insert(name)
            self.awaited.append(.preparation(name))
        }
        parameters.fill(values)
        let isSent = unsafe parameters.withPointers { pointers in
            unsafe PQsendQueryPrepared(
                handle, name, Int32(parameters.count), pointers, parameters.lengths, parameters.formats, 0) != 0
        }
        if !isSent { throw broken() }
        self.awaited.append(awaited)
    }

    /// Runs statements without parameters.
    func execute(_ sql: String) throws(StoreError) {
        try ready()
        if answered < awaited.count {
            try synchronize()
            _ = try collect()
        }
        guard let handle = unsafe handle else { throw broken() }
        unsafe PQexitPipelineMode(handle)
        defer { if let handle = unsafe self.handle { unsafe PQenterPipelineMode(handle) } }
        try executeAtOnce(sql)
    }

    /// Reads rows as they come.
    func stream(
        _ query: PostgreSQLQuery, _ values: [SQLValue], _ read: (Row) throws(StoreError) -> Bool
    ) throws(StoreError) {
        if answered < awaited.count {
            try synchronize()
            _ = try collect()
        }
        try send(query, values, .result)
        try synchronize()
        try collectPreparation()
        guard let handle = unsafe handle else { throw broken() }
        unsafe PQsetSingleRowMode(handle)
        while let result = try next() {
            switch result.status {
            case PGRES_SINGLE_TUPLE:
                do {
                    if try read(Row(PostgreSQLRow(result, 0))) { continue }
                } catch {
                    // All the rest would come otherwise.
                    close()
                    throw error
                }
                return close()
            case PGRES_FATAL_ERROR, PGRES_PIPELINE_ABORTED: queuedError = queuedError ?? result.error
            default: break
            }
        }
        answered += 1
        _ = try collect()
    }

    // MARK: - Transactions

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

    // MARK: - Answers

    /// Ends what was queued, so that all of it is answered.
    private func synchronize() throws(StoreError) {
        guard let handle = unsafe handle else { throw broken() }
        if unsafe PQpipelineSync(handle) == 0 { throw broken() }
        awaited.append(.synchronization)
    }

    /// Hands what was queued to the system, as far as it takes it.
    private func push() throws(StoreError) {
        guard let handle = unsafe handle else { throw broken() }
        unsent = 0
        if unsafe PQflush(handle) < 0 { throw broken() }
        // What the server has answered must not fill its socket: it would stop to read.
        if unsafe switchboard_wait(PQsocket(handle), 0, 0) != 0, unsafe PQconsumeInput(handle) == 0 { throw broken() }
    }

    /// Takes all answers up to the last synchronization.
    ///
    /// - Returns: The last that somebody waits for.
    /// - Throws: What failed first.
    private func collect() throws(StoreError) -> PostgreSQLResult? {
        var wanted: PostgreSQLResult?
        unsent = 0
        while answered < awaited.count {
            let expected = awaited[answered]
            if case .synchronization = expected {
                var left = 3
                while try next()?.status != PGRES_PIPELINE_SYNC {
                    left -= 1
                    if left == 0 { throw broken("the server lost its place") }
                }
                answered += 1
                continue
            }
            guard let result = try takeAnswer() else { continue }
            switch expected {
            case .result: wanted = result
            case .transactionID: transactionID = result.count > 0 ? PostgreSQLRow(result, 0).text(0) : nil
            case .change, .preparation, .synchronization: break
            }
        }
        awaited.removeAll(keepingCapacity: true)
        answered = 0
        if let error = queuedError {
            queuedError = nil
            if error.kind == .connection { throw broken(error.message) }
            throw error
        }
        return wanted
    }

    /// Takes the answer to one statement.
    ///
    /// - Returns: `nil` when it failed.
    private func takeAnswer() throws(StoreError) -> PostgreSQLResult? {
        // Behind a synchronization may come an end.
        var first = try next()
        if first == nil { first = try next() }
        guard let result = first else { throw broken("the server gave no answer") }
        defer { answered += 1 }
        let expected = awaited[answered]
        switch result.status {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK:
            if result.isOfChange { totalChanges += Int64(result.changes) }
            // Behind each statement's comes an end.
            while try next() != nil {}
            return result
        case PGRES_PIPELINE_ABORTED: break
        default: queuedError = queuedError ?? result.error
        }
        if case .preparation(let name) = expected { prepared.remove(name) }
        while try next() != nil {}
        return nil
    }

    private func collectPreparation() throws(StoreError) {
        while answered < awaited.count, case .preparation = awaited[answered] { _ = try takeAnswer() }
    }

    /// Waits for one more result of the statement whose turn it is; `nil` behind its last.
    private func next() throws(StoreError) -> PostgreSQLResult? {
        guard let handle = unsafe handle else { throw broken() }
        let limit = access == .readWrite ? location.limits?.writing : location.limits?.reading
        var deadline: ContinuousClock.Instant?
        while true {
            let flushed = unsafe PQflush(handle)
            if flushed < 0 { throw broken() }
            if flushed == 0, unsafe PQisBusy(handle) == 0 { break }
            if deadline == nil, let limit { deadline = .now + limit }
            let left = deadline.map { Int32(clamping: max(0, ($0 - .now).milliseconds)) } ?? -1
            if left == 0 { throw broken("the database has not answered for \(limit ?? .zero)") }
            if unsafe switchboard_wait(PQsocket(handle), flushed, left) != 0, unsafe PQconsumeInput(handle) == 0 {
                throw broken()
            }
        }
        guard let answer = unsafe PQgetResult(handle) else {
            if unsafe PQstatus(handle) != CONNECTION_OK { throw broken() }
            return nil
        }
        return unsafe PostgreSQLResult(adopting: answer)
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}

/// When the next attempt is made to connect: after 50 ms, then twice as long each time, up to a second.
struct PostgreSQLRetry {
    private var pause = Duration.zero
    private var next: ContinuousClock.Instant?
    private var error: StoreError?

    /// Why there is no attempt yet.
    var reasonToWait: StoreError? { if let next, ContinuousClock.now < next { error } else { nil } }

    mutating func failed(_ error: StoreError) {
        pause = min(.seconds(1), max(.milliseconds(50), pause * 2))
        next = .now + pause
        self.error = error
    }

    mutating func succeeded() { self = PostgreSQLRetry() }
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
