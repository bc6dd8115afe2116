import Chat
package import EventLoop
import HTTP
import Storage
import Synchronization

/// What every shard is given.
struct Services: Sendable {
    let settings: Configuration
    let exchange: Exchange
    let chat: Chat
    let writer: Writer
    let archive: Readers
    let api: API
    let router: Router<Route>
    let origins: Origins
    let certificates: Certificates?
    let recoveries: Recoveries
    let log: Log
}

/// What the server as a whole is doing.
final class ServerState: Sendable {
    private let stopping = Mutex(false)

    var isStopping: Bool { stopping.withLock { $0 } }
    func setStopping() { stopping.withLock { $0 = true } }
}

/// The server: its database, its event loops and its listeners.
package final class Server: Sendable {
    /// Where it listens, with the port that the system chose where none was given.
    package let address: SocketAddress
    private let settings: Configuration
    private let log: Log
    private let lock: Mutex<StoreLock?>
    private let shards: [Shard]
    private let services: Services
    private let state: ServerState

    /// Why a server could not start, in one line.
    package struct StartError: Error, CustomStringConvertible {
        package let description: String
    }

    /// Opens the database and starts to listen.
    package static func start(_ settings: Configuration, log: Log) async throws(StartError) -> Server {
        System.ignoreBrokenPipes()
        System.ignoreFileSizeSignals()
        let loopCount = settings.loops > 0 ? settings.loops : EventLoop.idealCount
        let certificates = try readCertificates(settings, log)
        let (address, sockets) = try bind(settings.listen, count: loopCount)
        let lock = try lockDatabase(settings.database)
        let store = try open(settings.database) { path throws(StoreError) in
            try Store(path: path, logLimit: Store.logLimit)
        }
        let reader = try open(settings.database) { path throws(StoreError) in try ReadStore(path: path) }
        let archivist = try open(settings.database) { path throws(StoreError) in try ReadStore(path: path) }
        let secondArchivist = try open(settings.database) { path throws(StoreError) in try ReadStore(path: path) }
        let verifiers = try makeVerifiers(settings, store, log)
        let localSocket = try bindLocal(forDatabase: settings.database)

        let loops = sockets.map { _ in EventLoop() }
        let inboxes = loops.map { $0.makeInbox(of: Mail.self) }
        let exchange = Exchange(inboxes)
        let writer = Writer(
            store, exchange, limit: settings.storeQueue, backlogBytes: max(1024, min(262_144, settings.sendQueue / 8)),
            recovery: settings.recovery, log: log)
        let readers = Readers(reader, limit: settings.storeQueue)
        let archive = Readers(archivist, secondArchivist, limit: settings.storeQueue)
        let state = ServerState()
        let chat = Chat(limits: settings.limits)
        let shards = loops.map { Shard(on: $0) }
        let services = Services(
            settings: settings, exchange: exchange, chat: chat, writer: writer, archive: archive,
            api: API(
                settings: settings, chat: chat, exchange: exchange, writer: writer,
                authenticator: Authenticator(
                    readers, writer, verifiers, TokenThrottle(limit: settings.tokenFailures), log: log),
                readers: readers, archive: archive, state: state,
                scrape: Scrape(
                    settings: settings, shards: shards, exchange: exchange, writer: writer, readers: readers,
                    archive: archive),
                log: log),
            router: .make(), origins: Origins(settings), certificates: certificates,
            recoveries: Recoveries(for: settings.recovery), log: log)
        do {
            for (index, shard) in shards.enumerated() {
                await shard.start(index: UInt16(index), inbox: inboxes[index], services)
                try await shard.listen(on: sockets[index], isLocal: false)
            }
            try await shards[0].listen(on: localSocket, isLocal: true)
        } catch {
            throw StartError(description: "cannot listen on \(address): \(error)")
        }
        return Server(
            address: address, settings: settings, log: log, lock: Mutex(lock), shards: shards, services: services,
            state: state)
    }

    private init(
        address: SocketAddress, settings: Configuration, log: Log, lock: consuming sending Mutex<StoreLock?>,
        shards: [Shard], services: Services, state: ServerState
    ) {
        self.address = address
        self.settings = settings
        self.log = log
        self.lock = lock
        self.shards = shards
        self.services = services
        self.state = state
    }

    /// Stops accepting, closes what is open with 1001, finishes what the store has queued. No more than the
    /// configured time is spent on waiting for others.
    package func stop() async {
        state.setStopping()
        for shard in shards { await shard.stop() }
        let clock = ContinuousClock()
        let deadline = clock.now + settings.shutdownTimeout
        while clock.now < deadline {
            var count = 0
            for shard in shards { count += await shard.connectionCount }
            if count == 0 { break }
            try? await clock.sleep(for: .milliseconds(20))
        }
        for shard in shards { await shard.abort() }
        services.api.hashing.stop()
        services.api.readers.stop()
        services.archive.stop()
        services.writer.stop()
        for shard in shards { shard.loop.stop() }
        LocalSocket.remove(forDatabase: settings.database)
        lock.withLock { $0 = nil }
    }

    /// Reads again what may change while the server runs: the certificates.
    package func reload() { services.certificates?.reload() }

    // MARK: - Starting

    private static func readCertificates(_ settings: Configuration, _ log: Log) throws(StartError) -> Certificates? {
        do {
            return try Certificates.load(settings, log: log)
        } catch {
            throw StartError(description: "\(error)")
        }
    }

    private static func lockDatabase(_ path: String) throws(StartError) -> StoreLock {
        do {
            return try StoreLock(databasePath: path)
        } catch {
            if error.isBusy { throw StartError(description: "\(path): another server runs on this database") }
            throw StartError(description: "cannot open the database: \(error)")
        }
    }

    private static func open<Opened>(
        _ path: String, _ body: (String) throws(StoreError) -> sending Opened
    ) throws(StartError) -> sending Opened {
        do {
            return try body(path)
        } catch {
            throw StartError(description: "cannot open the database \(path): \(error)")
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
