import Chat
import Testing

@testable import Server

@Suite struct DeadlineWheelTests {
    private func connection(_ slot: UInt32) -> ConnectionID { ConnectionID(shard: 0, slot: slot, generation: 0) }

    /// The slots that come up, by tick, while the wheel moves on by `ticks`.
    private func due(_ wheel: DeadlineWheel, for ticks: Int) -> [UInt32: [UInt32]] {
        var due: [UInt32: [UInt32]] = [:]
        for _ in 0..<ticks {
            let connections = wheel.advance()
            if !connections.isEmpty { due[wheel.now] = connections.map(\.slot) }
        }
        return due
    }

    @Test("each comes up at its tick, once, in the order of asking")
    func ticks() {
        let wheel = DeadlineWheel()
        #expect(wheel.schedule(connection(1), at: 3) == 3)
        #expect(wheel.schedule(connection(2), at: 1) == 1)
        #expect(wheel.schedule(connection(3), at: 3) == 3)
        #expect(due(wheel, for: 2000) == [1: [2], 3: [1, 3]])
    }

    @Test("what is due comes up at the next tick", arguments: [0, 9, 10, 11] as [UInt32])
    func past(_ tick: UInt32) {
        let wheel = DeadlineWheel()
        _ = due(wheel, for: 10)
        #expect(wheel.schedule(connection(1), at: tick) == 11)
        #expect(due(wheel, for: 600) == [11: [1]])
    }

    @Test("what is far away comes up after one round", arguments: [0, 10, 511, 100_000])
    func farAway(_ ticks: Int) {
        let wheel = DeadlineWheel()
        _ = due(wheel, for: ticks)
        let round = wheel.now + 511
        #expect(wheel.schedule(connection(1), at: round + 1) == round)
        #expect(wheel.schedule(connection(2), at: .max) == round)
        #expect(wheel.schedule(connection(3), at: round) == round)
        #expect(due(wheel, for: 2000) == [round: [1, 2, 3]])
    }

    @Test("who is scheduled anew for the same place of the wheel waits a round")
    func again() {
        let wheel = DeadlineWheel()
        _ = wheel.schedule(connection(1), at: 1)
        #expect(wheel.advance() == [connection(1)])
        _ = wheel.schedule(connection(1), at: 512)
        #expect(due(wheel, for: 600) == [512: [1]])
    }

    @Test(
        "a duration takes whole ticks of a quarter of a second, rounded up",
        arguments: [
            (.zero, 0), (.milliseconds(1), 1), (.milliseconds(250), 1), (.milliseconds(251), 2), (.seconds(25), 100),
            (.seconds(1) + .milliseconds(1), 5), (.seconds(10_000_000_000), 1 << 28),
            (.milliseconds(Int64.max), 1 << 28),
        ] as [(Duration, UInt32)])
    func durations(_ duration: Duration, _ ticks: UInt32) {
        #expect(DeadlineWheel.ticks(duration) == ticks)
    }
}

@Suite struct HeartbeatTests {
    private let rhythm = Heartbeat.Rhythm(interval: 100, patience: 80)

    @Test("a silent peer is pinged after the interval and given up after the patience")
    func silence() {
        var heartbeat = Heartbeat(rhythm, at: 10)
        #expect(heartbeat.deadline(rhythm) == 110)
        #expect(heartbeat.timePassed(rhythm, at: 109) == .wait)
        #expect(heartbeat.timePassed(rhythm, at: 110) == .ping)
        #expect(heartbeat.deadline(rhythm) == 190)
        #expect(heartbeat.timePassed(rhythm, at: 189) == .wait)
        #expect(heartbeat.timePassed(rhythm, at: 190) == .close)
    }

    @Test("whatever is heard after a ping answers it, and the next ping keeps its time")
    func answer() {
        var heartbeat = Heartbeat(rhythm, at: 0)
        #expect(heartbeat.timePassed(rhythm, at: 100) == .ping)
        heartbeat.heard()
        #expect(heartbeat.deadline(rhythm) == 200)
        #expect(heartbeat.timePassed(rhythm, at: 180) == .wait)
        #expect(heartbeat.timePassed(rhythm, at: 200) == .ping)
        #expect(heartbeat.deadline(rhythm) == 280)
    }

    @Test("a peer that talks is pinged all the same")
    func talk() {
        var heartbeat = Heartbeat(rhythm, at: 0)
        let actions = (1...300 as ClosedRange<UInt32>).map { tick in
            heartbeat.heard()
            return heartbeat.timePassed(rhythm, at: tick)
        }
        #expect(actions.indices.filter { actions[$0] == .ping } == [99, 199, 299])
        #expect(!actions.contains(.close))
    }

    @Test("a look that comes late pings late, and gives the full patience")
    func lateLook() {
        var heartbeat = Heartbeat(rhythm, at: 0)
        #expect(heartbeat.timePassed(rhythm, at: 500) == .ping)
        #expect(heartbeat.deadline(rhythm) == 580)
        #expect(heartbeat.timePassed(rhythm, at: 579) == .wait)
        #expect(heartbeat.timePassed(rhythm, at: 580) == .close)
    }
}

@Suite struct DurationTests {
    @Test(
        "a whole number with a unit is a duration",
        arguments: [
            ("0s", .zero), ("1ms", .milliseconds(1)), ("500ms", .milliseconds(500)), ("90s", .seconds(90)),
            ("15m", .seconds(900)), ("12h", .seconds(43_200)), ("30d", .seconds(2_592_000)), ("007s", .seconds(7)),
            ("36500d", .seconds(3_153_600_000)),
        ] as [(String, Duration)])
    func short(_ text: String, _ expected: Duration) {
        #expect(Duration(short: text) == expected)
    }

    @Test(
        "anything else is none",
        arguments: [
            "", "s", "5", "5 s", " 5s", "5s ", "-5s", "+5s", "1.5s", "5S", "5w", "5min", "5sm", "٥s", "3153600001s",
            "99999999999999999999s",
        ])
    func wrong(_ text: String) {
        #expect(Duration(short: text) == nil)
    }

    @Test(
        "a duration is shown as it would be set",
        arguments: [(.milliseconds(500), "500ms"), (.seconds(90), "90s"), (.milliseconds(1500), "1500ms")]
            as [(Duration, String)])
    func shown(_ duration: Duration, _ text: String) {
        #expect(duration.shortText == text)
        #expect(Duration(short: text) == duration)
    }
}
