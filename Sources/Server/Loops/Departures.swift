import EventLoop

/// The clients of one loop as they leave, while the server drains. Each is sent away at its own time, in no order that
/// could favour anybody: what it sends is not read any more, what was read is answered, and then it is told.
final class Departures {
    private let hub: Hub
    private let plan: DrainPlan
    private let begunAt: UInt64
    /// Those whose time has not come. Held here and not found by their places, which may change.
    private var staying: [Carrier]
    private var leaving: [(client: Carrier, until: UInt64)] = []
    private var timer: RepeatingTimer?

    /// How long a client may take to be answered and, where it polls, to fetch that, in milliseconds.
    private static let patience: UInt64 = 3000

    /// - Parameter length: Over so many milliseconds; 0: all at once.
    init(_ clients: [Carrier], over length: UInt64, of hub: Hub) {
        self.hub = hub
        plan = DrainPlan(count: clients.count, over: length, loop: Int(hub.index), of: hub.shardCount)
        begunAt = hub.loop.now
        staying = clients.shuffled()
        timer = RepeatingTimer(every: 20, on: hub.loop) { [unowned self] in goOn() }
        goOn()
    }

    /// How many are still to be told, or to take what waits for them.
    var count: Int { staying.count + leaving.count }

    /// Seconds until the last one is told.
    var secondsLeft: Int {
        let elapsed = min(hub.loop.now - begunAt, plan.length)
        return Int((plan.length - elapsed + 999) / 1000)
    }

    func stop() {
        timer.take()?.close()
        staying = []
        leaving = []
    }

    private func goOn() {
        let now = hub.loop.now
        let rest = plan.count - plan.due(after: now - begunAt)
        while staying.count > rest {
            let client = staying.removeLast()
            client.prepareToLeave()
            leaving.append((client, now + Self.patience))
        }
        leaving = leaving.filter { client, until in
            if client.isAnswered || now >= until { client.depart() }
            return !client.hasLeft && now < until
        }
        if count == 0 { stop() }
    }
}
