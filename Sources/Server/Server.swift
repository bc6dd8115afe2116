import Chat
import Cluster
package import EventLoop
import HTTP
import Storage
import Synchronization

/// What every shard is given.
struct Services: Sendable {
    var settings: Configuration
    let exchange: Exchange
    var chat: Chat
    let writer: Writer
    let archive: Readers
    var api: API
    let router: Router<Route>
    var origins: Origins
    let certificates: Certificates?
    let recoveries: Recoveries
    let admissions: Admissions
    let people: People
    /// To back ends; `nil` where there are none.
    let bridges: Bridges?
    /// In a cluster, and what connects this node to the others; `nil` where the server is alone.
    let membership: Membership?
    let bus: Bus?
    let log: Log
}

extension Services {
    /// Goes on with other settings, as far as they may change.
    fileprivate mutating func adopt(_ settings: Configuration) {
        self.settings = settings
        chat = Chat(limits: settings.limits)
        origins = Origins(settings)
        api.settings = settings
        api.chat = chat
    }
}

/// The server: its database, its event loops and its listeners.
package final class Server: Sendable {
    /// Where it listens, with the port that the system chose where none was given.
    package let address: SocketAddress
    private let log: Log
    private let lock: Mutex<StoreLock?>
    private let shards: [Shard]
    /// With the settings that are in force.
    private let services: Mutex<Services>
    private let state: ServerState

    /// Why a server could not start, in one line.
    package struct StartError: Error, CustomStringConvertible {
        package let description: String
    }

    /// Opens the database and starts to listen.
    package static func start(_ settings: Configuration, log: Log) async throws(StartError) -> Server {
        System.ignoreBrokenPipes()
        System.ignoreFileSizeSignals()
        System.raiseDescriptorLimit()
        // Dispatch takes its own descriptors when first it has to wait, and ends the process where there are none left.
        try? await Task.sleep(for: .milliseconds(1))
        let loopCount = settings.loops > 0 ? settings.loops : EventLoop.idealCount
        let certificates = try readCertificates(settings, log)
        let (address, sockets) = try bind(settings.listen, count: loopCount)
        let lock = try lockDatabase(settings)
        let location = settings.servedStore
        let store = try open(location) { place throws(StoreError) in try Store(place, logLimit: Store.logLimit) }
        let reader = try open(location) { place throws(StoreError) in try ReadStore(place) }
        let archivist = try open(location) { place throws(StoreError) in try ReadStore(place) }
        let secondArchivist = try open(location) { place throws(StoreError) in try ReadStore(place) }
        let verifiers = try makeVerifiers(settings, store, log)
        let membership = try Membership(settings, store)
        let localSocket = try bindLocal(forDatabase: settings.database)
        let (nodeAddress, nodeSockets) =
            membership == nil ? (settings.nodeAddress, []) : try bind(settings.nodeAddress, count: loopCount)

        let loops = sockets.map { _ in EventLoop() }
        let inboxes = loops.map { $0.makeInbox(of: Mail.self) }
        let exchange = Exchange(inboxes, bus: membership?.inbox)
        let writer = Writer(
            store, exchange, membership?.elsewhere, limit: settings.storeQueue,
            backlogBytes: max(1024, min(262_144, settings.sendQueue / 8)),
            retention: Retention(messages: settings.retainMessages, notifications: settings.retainNotifications),
            recovery: settings.recovery, patience: settings.storeRetry, log: log)
        let readers = Readers(reader, limit: settings.storeQueue)
        let archive = Readers(archivist, secondArchivist, limit: settings.storeQueue)
        let state = ServerState()
        let throttle = TokenThrottle(limit: settings.tokenFailures)
        let chat = Chat(limits: settings.limits)
        let (admissions, people) = (Admissions(settings), People(membership?.elsewhere, bus: membership?.inbox))
        let recoveries = Recoveries(
            for: settings.recovery, as: settings.recovery > .zero ? membership?.nodes.own : nil,
            save: { writer.submitAnyway(.keep($0)) })
        let bridges = try await startBridges(settings, exchange, writer, log)
        let bus = membership.map { membership in
            Bus(
                settings, membership,
                Bus.Services(
                    exchange: exchange, writer: writer, archive: archive, people: people, recoveries: recoveries),
                address: nodeAddress, log: log)
        }
        do {
            try await bus?.start()
        } catch {
            bus?.loop.stop()
            bridges?.loop.stop()
            throw error
        }
        let shards = loops.map { Shard(on: $0) }
        let services = Services(
            settings: settings, exchange: exchange, chat: chat, writer: writer, archive: archive,
            api: API(
                settings: settings, chat: chat, exchange: exchange, writer: writer,
                authenticator: Authenticator(readers, writer, verifiers, throttle, log: log),
                readers: readers, archive: archive, people: people, state: state, bridges: bridges, bus: bus?.counts,
                scrape: Scrape(
                    settings: settings, state: state, shards: shards, exchange: exchange, writer: writer,
                    readers: readers, archive: archive, admissions: admissions, bridges: bridges?.counts,
                    bus: bus?.counts),
                log: log),
            router: .make(), origins: Origins(settings), certificates: certificates,
            recoveries: recoveries, admissions: admissions, people: people,
            bridges: bridges, membership: membership, bus: bus, log: log)
        do {
            for (index, shard) in shards.enumerated() {
                await shard.start(index: UInt16(index), inbox: inboxes[index], services)
                try await shard.listen(on: sockets[index])
            }
            try await shards[0].listen(on: localSocket, Arrival(isLocal: true))
            for (shard, socket) in zip(shards, nodeSockets) {
                try await shard.listen(on: socket, Arrival(isFromNode: true))
            }
        } catch {
            throw StartError(description: "cannot listen on \(address): \(error)")
        }
        if membership != nil { log.info("listening for other nodes", ["address": "\(nodeAddress)"]) }
        return Server(
            address: address, log: log, lock: Mutex(lock), shards: shards, services: services, state: state)
    }

    private init(
        address: SocketAddress, log: Log, lock: consuming sending Mutex<StoreLock?>, shards: [Shard],
        services: Services, state: ServerState
    ) {
        self.address = address
        self.log = log
        self.lock = lock
        self.shards = shards
        self.services = Mutex(services)
        self.state = state
    }

    // MARK: - Stopping

    /// Has the server drain and stop, which ``run()`` does. Asked again, it waits for nobody any more.
    ///
    /// - Parameter atOnce: Whether all clients are sent away together.
    package func stop(atOnce: Bool = false) { state.stop(atOnce: atOnce) }

    /// Returns when the server was told to stop and has stopped: nobody is let in any more, clients are sent away one
    /// after the other, and what the store has queued is finished. The configuration says over how long clients are sent
    /// away, and how long may be waited for them after that.
    package func run() async {
        let isAtOnce = await state.stopRequested()
        let settings = services.withLock { $0.settings }
        let time = isAtOnce ? .zero : settings.drainTime
        log.info("draining", ["time": time.shortText])
        for shard in shards { await shard.drain(over: time) }
        let deadline = ContinuousClock.now + time + settings.shutdownTimeout
        await wait(until: deadline) { await $0.departing == 0 }
        log.info("stopping")
        for shard in shards { await shard.stop() }
        // A moment in any case: what was said last should leave.
        await wait(until: max(deadline, .now + .milliseconds(500))) { await $0.connectionCount == 0 }
        for shard in shards { await shard.abort() }
        let services = services.withLock { $0 }
        await services.bridges?.stop()
        services.api.hashing.stop()
        services.api.readers.stop()
        services.archive.stop()
        services.writer.stop()
        await services.bus?.stop()
        for shard in shards { shard.loop.stop() }
        services.bridges?.loop.stop()
        services.bus?.loop.stop()
        LocalSocket.remove(forDatabase: settings.database)
        lock.withLock { $0 = nil }
    }

    /// Waits until something holds on all loops, unless there is a hurry.
    private func wait(until deadline: ContinuousClock.Instant, for isDone: (Shard) async -> Bool) async {
        let clock = ContinuousClock()
        while clock.now < deadline, !state.isHurried {
            var areDone = true
            for shard in shards { areDone = await isDone(shard) && areDone }
            if areDone { return }
            try? await clock.sleep(for: .milliseconds(20))
        }
    }

    // MARK: - Another configuration

    /// Takes over what may change while the server runs: certificates, and the settings of ``Setting/isLive``.
    ///
    /// - Parameter wanted: What the configuration says now.
    /// - Throws: When that does not go with what stays, or files are no good. Then all stays as it was.
    package func reload(_ wanted: Configuration) async throws(ConfigurationError) {
        var services = services.withLock { $0 }
        let before = services.settings
        let reload = Reload(before, wanted: wanted)
        try reload.settings.check()
        let context = try services.certificates?.readAgain(reload.settings)
        services.adopt(reload.settings)
        self.services.withLock { $0 = services }
        if let context { services.certificates?.use(context) }
        services.api.authenticator.throttle.setLimit(reload.settings.tokenFailures)
        services.admissions.adopt(reload.settings)
        for shard in shards { await shard.adopt(services) }
        // By the old level or the new, whichever says more.
        log.setLevel(min(before.logLevel, reload.settings.logLevel))
        log.info(
            "the configuration was read again",
            [
                "changed": reload.changed.isEmpty ? "nothing" : reload.changed.joined(separator: ","),
                "certificates": "\(reload.settings.tlsCertificates.count)",
            ])
        if !reload.waiting.isEmpty {
            log.warning("settings that changed wait for a restart", ["settings": reload.waiting.joined(separator: ",")])
        }
        log.setLevel(reload.settings.logLevel)
    }

    // MARK: - Starting

    private static func readCertificates(_ settings: Configuration, _ log: Log) throws(StartError) -> Certificates? {
        do {
            return try Certificates.load(settings, log: log)
        } catch {
            throw StartError(description: "\(error)")
        }
    }

    /// With PostgreSQL, several servers may run on the store, but each needs a socket of its own for commands.
    private static func lockDatabase(_ settings: Configuration) throws(StartError) -> StoreLock {
        let path = settings.database
        do {
            return try StoreLock(databasePath: path)
        } catch {
            if error.isBusy {
                throw StartError(
                    description: settings.store.isFile
                        ? "\(path): another server runs on this database"
                        : "\(path).sock: another server has this socket; give each a database setting of its own")
            }
            throw StartError(description: "cannot open the database: \(error)")
        }
    }

    private static func open<Opened>(
        _ location: StoreLocation, _ body: (StoreLocation) throws(StoreError) -> sending Opened
    ) throws(StartError) -> sending Opened {
        do {
            return try body(location)
        } catch {
            throw StartError(description: "cannot open the database \(location): \(error)")
        }
    }

    private static func makeVerifiers(
        _ settings: Configuration, _ store: Store, _ log: Log
    ) throws(StartError) -> TokenVerifiers {
        do {
            return try TokenVerifiers(settings, secret: store.tokenSecret(), log: log)
        } catch {
            throw StartError(description: "\(error)")
        }
    }

    private static func startBridges(
        _ settings: Configuration, _ exchange: Exchange, _ writer: Writer, _ log: Log
    ) async throws(StartError) -> Bridges? {
        if settings.channels.isEmpty, settings.emitters == nil { return nil }
        let bridges = Bridges(settings, exchange, writer, log)
        do {
            try await bridges.start(settings)
        } catch {
            bridges.loop.stop()
            throw error
        }
        return bridges
    }

    private static func bind(
        _ address: SocketAddress, count: Int
    ) throws(StartError) -> (SocketAddress, [BoundSocket]) {
        do {
            return try BoundSocket.tcp(address, count: count)
        } catch {
            throw StartError(description: "cannot listen on \(address): \(error)")
        }
    }

    private static func bindLocal(forDatabase database: String) throws(StartError) -> BoundSocket {
        do {
            return try BoundSocket.local(LocalSocket.make(forDatabase: database))
        } catch {
            throw StartError(description: "cannot make the local socket of \(database): \(error)")
        }
    }
}

extension Configuration {
    /// The store as the server uses it: with an end to its waiting.
    fileprivate var servedStore: StoreLocation {
        guard var location = postgresql else { return store }
        location.patience = storeRetry
        location.limits = .init(writing: storeRetry, reading: max(storeRetry, .seconds(30)))
        return .postgresql(location)
    }
}
