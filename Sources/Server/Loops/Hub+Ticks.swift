import Chat
import EventLoop
import HTTP
import WebSocket

/// What is done with each tick of the wheel, and with each second.
extension Hub {
    func tick() {
        meter.ticked()
        if shardCount > 1 { loop.adjustTurns() }
        if index == 0, writer.hasBulkWork, !isSendingBulk { sendBulk(to: bulkAllowance()) }
        if index == 0, writer.hasSweepWork, !isSweeping { sweep(Self.slicesATick) }
        for id in wheel.advance() {
            if let carrier = carrier(id), carrier.wakesAt == wheel.now { carrier.wake() }
        }
        resumeStalled()
        endRevoked()
        let isSecond = wheel.now % DeadlineWheel.resolution == 0
        reportDeliveries(isSecond: isSecond)
        if isSecond { secondPassed() }
    }

    private func secondPassed() {
        date = HTTPDate(secondsSince1970: Int(Timestamp.now.microseconds / 1_000_000))
        if index == 0 {
            writer.submitAnyway(.tidy(.now))
            recoveries.tidy()
            people.tidy(at: microseconds)
        }
        tidyEventLog()
        forwarding?.secondPassed()
    }

    /// The ping that asks whether a message has arrived; its many receivers share it.
    func ping(for message: MessageID) -> [UInt8] {
        if newestPing.message != message { newestPing = (message, FrameEncoder.frame(.ping, message.cursor.span)) }
        return newestPing.frame
    }

    /// Remembers a connection whose deliveries are to be reported, or acknowledged.
    func noteDelivery(to id: ConnectionID, isAcknowledged: Bool) {
        if isAcknowledged { unacknowledged.append(id) } else { noted.append(id) }
    }

    /// - Parameter isSecond: Whether it is the turn of those too who acknowledge nothing.
    private func reportDeliveries(isSecond: Bool) {
        let due = isSecond ? unacknowledged + noted : unacknowledged
        if due.isEmpty { return }
        unacknowledged = []
        if isSecond { noted = [] }
        let delivered = due.compactMap { carrier($0)?.session?.takeNote() }
        if !delivered.isEmpty { writer.submitAnyway(.delivered(delivered)) }
    }

    // MARK: - Bulk messages

    /// How many people are served by the present tick.
    private func bulkAllowance() -> Int {
        // The nodes of a cluster share it.
        let (rate, resolution) = (max(1, settings.bulkRate / (nodes?.count ?? 1)), Int(DeadlineWheel.resolution))
        // What a division leaves over comes with the first tick of a second.
        return rate / resolution + (wheel.now % DeadlineWheel.resolution == 0 ? rate % resolution : 0)
    }

    /// Has the writer serve people, in slices so small that live messages hardly wait for one.
    func sendBulk(to people: Int) {
        isSendingBulk = people > 0
        if isSendingBulk { writer.submitAnyway(.sendBulk(people)) }
    }

    /// At most a sixth of the writer's time.
    private static let slicesATick = 12

    /// Has the writer erase what was deleted, and what is too old, in slices likewise.
    func sweep(_ slices: Int) {
        isSweeping = slices > 0
        if isSweeping { writer.submitAnyway(.sweep(.now, slices: slices)) }
    }
}
