internal import CPostgreSQL

/// One connection to PostgreSQL; belongs to one thread at a time. It is made again when it broke.
///
/// Statements go out in a pipeline (PostgreSQL's manual, "Pipeline Mode"): those whose rows are of no interest are only
/// queued, and who wants an answer waits for all that was asked before it too. So a transaction of many changes takes
/// about two journeys to the server and back: one for what it begins with, one for the changes and the commit.
@safe final class PostgreSQLConnection {
    /// What the server owes an answer to.
    enum Awaited {
        case preparation(String)
        /// Nobody waits for it.
        case change
        case result
        case transactionID
        case synchronization
    }

    let location: PostgreSQLLocation
    let access: Database.Access
    /// A `PGconn`; `nil` while there is no connection.
    private(set) var handle: OpaquePointer?
    /// In the order that it was asked for, from `answered` on.
    private(set) var awaited: [Awaited] = []
    private(set) var answered = 0
    private var unsent = 0
    /// What the server has compiled.
    private var prepared: Set<String> = []
    private var names = 0
    private var parameters = PostgreSQLParameters()
    var isInTransaction = false
    /// What came of a statement that nobody waited for.
    var queuedError: StoreError?
    private(set) var totalChanges: Int64 = 0
    /// The transaction under way, so that its end can be asked for.
    var transactionID: String?
    /// A transaction whose commit was not answered, and the session that it was in.
    var unsettled: (id: String, session: (number: Int64, began: String)?)?
    /// The last connection's process on the server: its number, and when it began.
    private(set) var process: (number: Int64, began: String)?
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
    func close() {
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
    func ready() throws(StoreError) {
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

    func answer(_ query: PostgreSQLQuery, _ values: [SQLValue]) throws(StoreError) -> PostgreSQLResult {
        try send(query, values, .result)
        try synchronize()
        guard let result = try collect() else { throw StoreError(.other, "the server gave no answer") }
        return result
    }

    func send(
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

    // MARK: - Answers

    /// Ends what was queued, so that all of it is answered.
    func synchronize() throws(StoreError) {
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
    func collect() throws(StoreError) -> PostgreSQLResult? {
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
