import Chat
import Testing

/// Where the next connection of a person starts.
@Suite final class ArrivalsTests {
    private static let asha = UserID(1)
    private static let now = Timestamp(microseconds: 1_767_702_600_000_000)
    private var arrivals = Arrivals()

    private static func connection(_ slot: UInt32) -> ConnectionID { ConnectionID(shard: 0, slot: slot, generation: 0) }

    private func arrive(_ slot: UInt32, at position: Int64) {
        arrivals.arrive(Self.connection(slot), of: Self.asha, at: MessageID(position))
    }
    private func confirm(_ slot: UInt32, upTo position: Int64) {
        arrivals.confirm(Self.connection(slot), of: Self.asha, upTo: MessageID(position))
    }
    private func leave(_ slot: UInt32, isBroken: Bool) {
        arrivals.leave(Self.connection(slot), of: Self.asha, isBroken: isBroken, at: Self.now)
    }
    /// Where somebody was who held the others back until now.
    private func takeReleased() -> Int64? { arrivals.takeReleased()[Self.asha]?.rawValue }
    private var position: Int64? { arrivals.position(of: Self.asha)?.rawValue }

    @Test("somebody who is not there misses nothing here")
    func nobody() {
        #expect(position == nil)
    }

    @Test("the next one starts where the least of the others is")
    func least() {
        arrive(1, at: 10)
        arrive(2, at: 10)
        confirm(1, upTo: 30)
        #expect(position == 10)
        confirm(2, upTo: 20)
        #expect(position == 20)
        confirm(2, upTo: 15)
        #expect(position == 20)
        leave(2, isBroken: false)
        #expect(position == 30)
        leave(1, isBroken: false)
        #expect(position == nil)
    }

    @Test("what a broken connection had not confirmed is the next one's, once")
    func broken() {
        arrive(1, at: 10)
        arrive(2, at: 10)
        confirm(1, upTo: 40)
        leave(2, isBroken: true)
        #expect(position == 10)
        arrive(3, at: 10)
        confirm(3, upTo: 40)
        #expect(position == 40)
    }

    @Test("a connection that said nothing since another one came was the same client's")
    func superseded() {
        arrive(1, at: 10)
        arrive(2, at: 10)
        confirm(2, upTo: 40)
        leave(1, isBroken: true)
        #expect(position == 40)
        leave(2, isBroken: false)
        #expect(position == nil)
    }

    @Test("a connection that confirmed something since is another client's, who may come back")
    func another() {
        arrive(1, at: 10)
        arrive(2, at: 10)
        confirm(1, upTo: 20)
        confirm(2, upTo: 40)
        leave(1, isBroken: true)
        #expect(position == 20)
    }

    @Test("who stays away is waited for no longer")
    func forgotten() {
        arrive(1, at: 10)
        leave(1, isBroken: true)
        arrivals.forget(before: Self.now)
        #expect(position == 10)
        arrivals.forget(before: Self.now + .seconds(1))
        #expect(position == nil)
    }

    @Test("what others had got counts once the one that held them back is gone")
    func released() {
        arrive(1, at: 10)
        arrive(2, at: 10)
        confirm(2, upTo: 40)
        #expect(takeReleased() == nil)
        leave(1, isBroken: true)
        #expect(takeReleased() == 10)
        #expect(takeReleased() == nil)
        leave(2, isBroken: false)
        #expect(takeReleased() == nil)
    }

    @Test("likewise once one that broke is waited for no longer")
    func releasedLater() {
        arrive(1, at: 10)
        arrive(2, at: 10)
        confirm(1, upTo: 20)
        confirm(2, upTo: 40)
        leave(1, isBroken: true)
        #expect(takeReleased() == nil)
        arrivals.forget(before: Self.now + .seconds(1))
        #expect(takeReleased() == 20)
    }

    @Test("to arrive twice changes nothing, and strangers say nothing")
    func twice() {
        arrive(1, at: 10)
        confirm(1, upTo: 20)
        arrive(1, at: 10)
        #expect(position == 20)
        confirm(9, upTo: 5)
        leave(9, isBroken: true)
        #expect(position == 20)
    }

    @Test("who has come to another node takes over what was lost here, and what will be of those who are behind")
    func elsewhere() {
        arrive(1, at: 10)
        arrive(2, at: 10)
        confirm(1, upTo: 15)
        leave(1, isBroken: true)
        confirm(2, upTo: 20)
        #expect(position == 15)
        arrivals.arriveElsewhere(Self.asha)
        #expect(position == 20)
        leave(2, isBroken: true)
        #expect(position == nil)
    }
}
