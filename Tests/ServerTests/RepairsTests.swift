import Chat
import Testing

@testable import Server

/// What is looked after where changes of other nodes were not heard.
@Suite final class RepairsTests {
    private var repairs = Repairs()

    private func begins(at now: UInt64) -> Bool { repairs.begins(at: now) }
    private func next(at now: UInt64) -> [UserID]? { repairs.next(at: now) }

    @Test("without a gap there is nothing to do")
    func nothing() {
        #expect(!begins(at: 10_000))
        #expect(next(at: 10_000) == nil)
    }

    @Test("after a gap everybody is counted, some at a time")
    func slices() {
        let users = (1...60).map { UserID($0) }
        repairs.afterGap()
        #expect(begins(at: 0))
        repairs.add(users)
        #expect(next(at: 0) == Array(users[..<50]))
        #expect(next(at: 1) == nil, "one at a time")
        repairs.done()
        #expect(next(at: 2) == Array(users[50...]))
        repairs.done()
        #expect(next(at: 3) == nil)
    }

    @Test("where nobody is told of notifications, the counter is read all the same")
    func counter() {
        repairs.afterGap()
        #expect(begins(at: 0))
        #expect(next(at: 0) == [])
        repairs.done()
        #expect(next(at: 1) == nil)
    }

    @Test("many gaps make one round in five seconds")
    func rounds() {
        repairs.afterGap()
        #expect(begins(at: 0))
        repairs.afterGap()
        #expect(!begins(at: 4999))
        #expect(begins(at: 5000))
        #expect(!begins(at: 20_000))
    }

    @Test("what the writer did not answer is asked again")
    func noAnswer() {
        repairs.add([UserID(1)])
        #expect(next(at: 0) == [UserID(1)])
        #expect(next(at: 4999) == nil)
        #expect(next(at: 5000) == [UserID(1)])
    }

    @Test("where a batch was not heard as a whole, those are counted who have come just now")
    func newcomers() {
        repairs.comes(UserID(1), at: 0)
        repairs.comes(UserID(2), at: 3000)
        #expect(!begins(at: 3000))
        repairs.afterPart()
        #expect(next(at: 3000) == [UserID(2)])
    }
}
