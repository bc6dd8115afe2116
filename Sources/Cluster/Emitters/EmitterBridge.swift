package import EventLoop
import JSON
package import Redis
import Synchronization

/// What the emitters of Socket.IO are configured with.
package struct EmitterSettings: Sendable {
    package var url: RedisURL
    /// What channels of `@socket.io/redis-emitter` begin with (its `key`).
    package var key = "socket.io"
    /// The channel of python-socketio's managers.
    package var channel = "socketio"
    /// Bytes in one message.
    package var maximumMessage = 1 << 20

    package init(url: RedisURL) { self.url = url }
}

/// Hears what back ends publish for clients of Socket.IO. Belongs to its loop's thread.
package final class EmitterBridge {
    private let settings: EmitterSettings
    private let counts: BridgeCounts
    private let emit: (Emission) -> Bool
    private let report: (BridgeReport) -> Void
    private let subscriber: RedisSubscriber
    private let parser: JSONParser
    private let python: RedisSubscriber.Topic, events: RedisSubscriber.Topic, requests: RedisSubscriber.Topic
    private var starting: ((String?) -> Void)?
    private var problem: String?

    /// - Parameter emit: Carries an order out; `false` where the loops are too far behind.
    package init(
        _ settings: EmitterSettings, on loop: EventLoop, counts: BridgeCounts,
        report: @escaping (BridgeReport) -> Void, emit: @escaping (Emission) -> Bool
    ) {
        self.settings = settings
        self.counts = counts
        self.report = report
        self.emit = emit
        subscriber = RedisSubscriber(settings.url, on: loop)
        parser = JSONParser(maximumLength: settings.maximumMessage)
        let key = String(settings.key.flatMap { #"*?[]\^-"#.contains($0) ? [#"\"#, $0] : [$0] })
        python = .channel(settings.channel)
        // One channel for everybody, and one for each room.
        events = .pattern(key + "#/#*")
        // A pattern too, although there is one: servers of Node.js count the subscribers of the channel, and would wait
        // for answers of ours.
        requests = .pattern(key + "-request#/#")
    }

    /// Connects and subscribes.
    ///
    /// - Parameter done: Called once: with why that is impossible, or `nil`.
    package func start(_ done: @escaping (String?) -> Void) {
        starting = done
        subscriber.onState = { [weak self] state in
            guard let self, case .connecting(let trouble?) = state else { return }
            note(trouble.description)
        }
        subscriber.onReady = { [weak self] in
            self?.note(nil)
            self?.starting.take()?(nil)
        }
        subscriber.onMessage = { [weak self] in self?.received($0, $2) }
        subscriber.subscribe([python, events, requests])
        subscriber.start()
    }

    package func stop() { subscriber.close() }

    private func received(_ topic: RedisSubscriber.Topic, _ payload: [UInt8]) {
        do throws(Emission.Drop) {
            if payload.count > settings.maximumMessage { throw .tooLong }
            let emission =
                switch topic {
                case python: try Emission.ofPython(payload, with: parser)
                case events: try Emission(nodeEvent: payload)
                default: try Emission.ofNodeRequest(payload, with: parser)
                }
            guard let emission else { return }
            if !emit(emission) { throw .behind }
            counts.values.withLock { $0.emissions += 1 }
        } catch {
            counts.values.withLock { $0.emissionDrops[error, default: 0] += 1 }
            report(.emissionDropped(error))
        }
    }

    private func note(_ problem: String?) {
        if let problem, let done = starting.take() {
            subscriber.close()
            return done("\(settings.url): \(problem)")
        }
        let before = self.problem
        self.problem = problem
        counts.values.withLock { $0.emittersProblem = problem }
        if before == nil, let problem { report(.emittersLost(reason: problem)) }
        if before != nil, problem == nil { report(.emittersHealed) }
    }
}
