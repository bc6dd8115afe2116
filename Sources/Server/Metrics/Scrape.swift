import Cluster
import Dialects
import EventLoop
import HTTP
import Metrics
import Storage
import Synchronization

/// Where all that `/metrics` shows is asked for. docs/METRICS.md explains it.
struct Scrape: Sendable {
    let settings: Configuration
    let state: ServerState
    let shards: [Shard]
    let exchange: Exchange
    let writer: Writer
    let readers: Readers
    let archive: Readers
    /// What is refused where no loop counts it.
    let refusals = SharedRefusals()
    let admissions: Admissions
    let bridges: BridgeCounts?
    let bus: BusCounts?
    private let startedAt = System.microsecondsSince1970

    init(
        settings: Configuration, state: ServerState, shards: [Shard], exchange: Exchange, writer: Writer,
        readers: Readers, archive: Readers, admissions: Admissions, bridges: BridgeCounts?,
        bus: BusCounts?
    ) {
        self.settings = settings
        self.state = state
        self.shards = shards
        self.exchange = exchange
        self.writer = writer
        self.readers = readers
        self.archive = archive
        self.admissions = admissions
        self.bridges = bridges
        self.bus = bus
    }

    /// Everything, in the text format of Prometheus. Off the loops: only copying their counts takes time of theirs.
    ///
    /// - Parameter passwords: How many wait to be hashed.
    @concurrent func text(passwords: Int) async -> [UInt8] {
        // Before the loops are asked, as they look into their inboxes to answer.
        let mail = exchange.waiting
        var snapshots: [LoopSnapshot] = []
        for shard in shards { if let snapshot = await shard.snapshot { snapshots.append(snapshot) } }
        var total = LoopCounts()
        for snapshot in snapshots { total.add(snapshot.counts) }
        total.refusals.add(refusals.tally)

        var text = Exposition()
        text.family("switchboard_build_info", .gauge, "The version that runs; always 1.") {
            $0.sample(UInt64(1), ("version", Build.version))
        }
        text.family(
            "switchboard_draining", .gauge, "1 from the moment that the server is to stop, else 0.",
            value: UInt64(state.isDraining ? 1 : 0))
        text.write(clients: total)
        text.family(
            "switchboard_sockets", .gauge, "Connections over TCP, whatever they are for.",
            value: UInt64(max(0, admissions.connectionCount)))
        text.write(
            queues: [
                ("writer", writer.waiting), ("reader", readers.waiting), ("archive", archive.waiting),
                ("passwords", passwords),
            ], limit: settings.storeQueue)
        text.write(
            store: writer.counts, isWritable: writer.failureReason == nil,
            path: settings.store.isFile ? settings.database : nil)
        if let bridges { text.write(bridges: bridges.values.withLock { $0 }, settings) }
        if let bus { text.write(bus: bus.values.withLock { $0 }) }
        text.write(forwarding: total, underWay: snapshots.reduce(0) { $0 + UInt64($1.forwardsUnderWay) })
        text.write(loops: snapshots, mail: mail)
        text.write(process: .now, startedAt: startedAt)
        return text.bytes
    }
}

// MARK: - Clients

extension Exposition {
    fileprivate mutating func write(clients: LoopCounts) {
        family("switchboard_connections", .gauge, "Clients that have a seat or wait for it.", clients.connections)
        family("switchboard_handshakes_total", .counter, "Clients that got a seat.", clients.handshakes)
        family("switchboard_messages_received_total", .counter, "Messages from clients.", clients.received)
        family("switchboard_messages_sent_total", .counter, "Messages for clients.", clients.sent)
        family("switchboard_deliveries_total", .counter, "How often a client heard of an event.") { family in
            for kind in EventKind.allCases { family.sample(clients.deliveries[kind], ("event", kind.label)) }
        }
        family("switchboard_refusals_total", .counter, "What peers were refused.") { family in
            for reason in RefusalReason.allCases { family.sample(clients.refusals[reason], ("reason", reason.label)) }
        }
        family("switchboard_closes_total", .counter, "WebSockets closed, by who closed them and how.") { family in
            for kind in CloseKind.allCases {
                family.sample(clients.closedByServer[kind], ("by", "server"), ("code", kind.label))
                family.sample(clients.closedByPeer[kind], ("by", "client"), ("code", kind.label))
            }
        }
        family("switchboard_http_responses_total", .counter, "Answers to requests over HTTP.") { family in
            for status in Status.allCases {
                family.sample(clients.responses[status.code], ("code", "\(status.code)"))
            }
        }
        family(
            "switchboard_delivery_duration_seconds", .histogram,
            "From a commit to the end of the turn in which a loop wrote what is heard of it."
        ) { $0.sample(clients.deliveryTime) }
        family(
            "switchboard_held_back_total", .counter,
            "What was merged or left out for receivers that were behind with reading.", value: clients.heldBack)
    }

    private mutating func family(
        _ name: StaticString, _ kind: Kind, _ help: StaticString, _ tally: Tally<DialectName>
    ) {
        family(name, kind, help) { family in
            for dialect in DialectName.allCases { family.sample(tally[dialect], ("dialect", dialect.text)) }
        }
    }

    // MARK: - What waits, and the store

    fileprivate mutating func write(queues: [(name: String, length: Int)], limit: Int) {
        family("switchboard_queue_length", .gauge, "What waits for a thread.") { family in
            for queue in queues { family.sample(UInt64(queue.length), ("queue", queue.name)) }
        }
        family("switchboard_store_queue_limit", .gauge, "How much may wait for the writer.", value: UInt64(limit))
    }

    fileprivate mutating func write(store: StoreCounts, isWritable: Bool, path: String?) {
        family(
            "switchboard_store_duration_seconds", .histogram,
            "From a client's frame to the commit of what it asked for."
        ) { $0.sample(store.storeTime) }
        family("switchboard_store_commits_total", .counter, "Transactions that wrote something.", value: store.commits)
        family("switchboard_store_batch_size", .histogram, "What one of these carried out.") {
            $0.sample(store.batchSize)
        }
        family("switchboard_store_commit_duration_seconds", .histogram, "How long the disk took for a commit.") {
            $0.sample(store.commitTime)
        }
        family("switchboard_store_errors_total", .counter, "Transactions that failed.", value: store.errors)
        family(
            "switchboard_store_writable", .gauge, "1, or 0 while the store cannot write.",
            value: UInt64(isWritable ? 1 : 0))
        guard let path else { return }
        family("switchboard_store_size_bytes", .gauge, "The database and its journal.") { family in
            for (file, suffix) in [("database", ""), ("wal", "-wal")] {
                family.sample(FileStamp(ofFileAt: path + suffix)?.size ?? 0, ("file", file))
            }
        }
    }

    // MARK: - Other nodes

    fileprivate mutating func write(forwarding: LoopCounts, underWay: UInt64) {
        family("switchboard_forwarded_total", .counter, "Requests of Socket.IO that other nodes were asked to answer.")
        {
            family in
            for kind in ForwardedKind.allCases { family.sample(forwarding.forwarded[kind], ("kind", kind.label)) }
        }
        family("switchboard_forward_failures_total", .counter, "Those of them that none has answered.") { family in
            for reason in ForwardFailure.allCases {
                family.sample(forwarding.forwardFailures[reason], ("reason", reason.label))
            }
        }
        family(
            "switchboard_forwards_under_way", .gauge,
            "Requests and WebSockets that are with other nodes at the moment.",
            value: underWay)
    }

    // MARK: - Loops and the process

    fileprivate mutating func write(loops: [LoopSnapshot], mail: [Int]) {
        func each(_ family: inout Family, _ value: (LoopSnapshot) -> UInt64) {
            for (number, loop) in loops.enumerated() { family.sample(value(loop), ("loop", "\(number)")) }
        }
        family(
            "switchboard_loop_turns_total", .counter,
            "How often a loop did what there was to do, before and after each wait."
        ) {
            each(&$0) { UInt64($0.work.turns) }
        }
        family("switchboard_loop_cpu_seconds_total", .counter, "What a loop's thread had of a processor.") { family in
            for (number, loop) in loops.enumerated() {
                family.sample(Double(loop.work.processorNanoseconds) / 1e9, ("loop", "\(number)"))
            }
        }
        family("switchboard_loop_lag_seconds", .histogram, "How late a loop came to its timer.") { family in
            for (number, loop) in loops.enumerated() { family.sample(loop.counts.lag, ("loop", "\(number)")) }
        }
        family("switchboard_loop_mailbox_length", .gauge, "What other threads sent a loop and it has not seen.") {
            for (number, length) in mail.enumerated() { $0.sample(UInt64(length), ("loop", "\(number)")) }
        }
        family("switchboard_network_received_bytes_total", .counter, "Bytes read from sockets.") {
            each(&$0) { UInt64($0.work.bytesRead) }
        }
        family("switchboard_network_sent_bytes_total", .counter, "Bytes written to sockets.") {
            each(&$0) { UInt64($0.work.bytesWritten) }
        }
        family("switchboard_send_queue_bytes", .gauge, "What waits for clients that do not read, with its overhead.") {
            $0.sample(loops.reduce(0) { $0 + UInt64(max(0, $1.work.bytesWaiting)) }, ("transport", "socket"))
            $0.sample(loops.reduce(0) { $0 + UInt64(max(0, $1.bytesForPolls)) }, ("transport", "polling"))
        }
        family(
            "switchboard_socketio_unconnected", .gauge, "Clients of Socket.IO that have not signed in.",
            value: loops.reduce(0) { $0 + UInt64($1.unconnectedClients) })
    }

    fileprivate mutating func write(process: ProcessUsage, startedAt: Int64) {
        family(
            "process_cpu_seconds_total", .counter, "Total user and system CPU time spent in seconds.",
            value: process.processorSeconds)
        family(
            "process_resident_memory_bytes", .gauge, "Resident memory size in bytes.",
            value: UInt64(process.residentBytes))
        family(
            "process_start_time_seconds", .gauge, "Start time of the process since unix epoch in seconds.",
            value: Double(startedAt) / 1e6)
        if let open = process.openDescriptors {
            family("process_open_fds", .gauge, "Number of open file descriptors.", value: UInt64(open))
        }
        family(
            "process_max_fds", .gauge, "Maximum number of open file descriptors.",
            value: UInt64(process.maximalDescriptors))
    }
}
