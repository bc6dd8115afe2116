import Testing

@testable import Server

@Suite struct DrainPlanTests {
    @Test("all at once where there is no time, or none of it is left", arguments: [0, 1, 1000])
    func atOnce(_ count: Int) {
        #expect(DrainPlan(count: count, over: 0, loop: 0, of: 1).due(after: 0) == count)
        #expect(DrainPlan(count: count, over: 5000, loop: 1, of: 2).due(after: 5000) == count)
        #expect(DrainPlan(count: count, over: 5000, loop: 0, of: 2).due(after: 99_999) == count)
    }

    @Test("one after the other, the first at once and the last an interval before the end")
    func evenly() {
        let plan = DrainPlan(count: 4, over: 1000, loop: 0, of: 1)
        let due = [0, 249, 250, 499, 500, 750, 999].map { plan.due(after: $0) }
        #expect(due == [1, 1, 2, 2, 3, 4, 4])
    }

    @Test("loops take turns")
    func turns() {
        let plans = (0..<2).map { DrainPlan(count: 4, over: 1000, loop: $0, of: 2) }
        let due = [0, 124, 125, 250, 374, 375].map { elapsed in plans.map { $0.due(after: elapsed) } }
        #expect(due == [[1, 0], [1, 0], [1, 1], [2, 1], [2, 1], [2, 2]])
    }

    @Test("never more than there are, never fewer than before", arguments: [1, 3, 7, 1000])
    func monotonic(_ count: Int) {
        let plan = DrainPlan(count: count, over: 300, loop: 2, of: 3)
        let due = (0...310).map { plan.due(after: UInt64($0)) }
        #expect(due == due.sorted() && due.last == count && due.allSatisfy { (0...count).contains($0) })
    }
}
