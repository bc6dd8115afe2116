import Chat
import EventLoop
import HTTP

/// One event loop and all that lives on it, for callers from elsewhere: an actor whose executor is the loop.
///
/// What comes from the network does not pass through here: libuv calls the hub's connections on the same thread.
actor Shard {
    nonisolated let loop: EventLoop
    private var hub: Hub?

    init(on loop: EventLoop) { self.loop = loop }

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    func start(index: UInt16, inbox: Mailbox<Mail>, _ services: Services) {
        hub = Hub(self, index: index, inbox: inbox, services)
    }

    /// - Parameter arrival: How connections come there.
    func listen(on socket: BoundSocket, _ arrival: Arrival = Arrival()) throws(IOError) {
        try hub?.listen(on: socket, arrival)
    }

    /// Has a request answered, and sends the answer if its connection is still there.
    func answer(_ call: API.Call, with api: API, for id: ConnectionID) async {
        let response = await api.respond(to: call)
        hub?.conversation(id)?.respond(response)
    }

    /// Lets no client in any more, and sends those away who are there, over a time.
    func drain(over duration: Duration) { hub?.drain(over: duration) }

    /// How many clients have to leave yet.
    var departing: Int { hub?.departing ?? 0 }

    /// Takes no more connections, and ends those there are.
    func stop() { hub?.stop() }

    /// Goes on with other settings.
    func adopt(_ services: Services) { hub?.adopt(services) }

    var connectionCount: Int { hub?.connectionCount ?? 0 }

    /// What the loop has counted, and what waits on it.
    var snapshot: LoopSnapshot? { hub.map { LoopSnapshot($0) } }

    /// Ends what is left.
    func abort() { hub?.abort() }
}
