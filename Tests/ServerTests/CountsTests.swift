import Chat
import Dialects
import Metrics
import Testing
import WebSocket

@testable import Server

@Suite struct CountsTests {
    @Test(
        "names of cases become values of labels",
        arguments: [
            ("stopping", "stopping"), ("badHandshake", "bad_handshake"), ("notJSON", "not_json"),
            ("clientIDInUse", "client_id_in_use"), ("badClientID", "bad_client_id"),
        ])
    func snakeCase(_ name: String, _ label: String) {
        #expect(name.snakeCase == label)
    }

    @Test("no two reasons, kinds of events or kinds of closes have one label")
    func labels() {
        #expect(Set(RefusalReason.allCases.map(\.label)).count == RefusalReason.allCases.count)
        #expect(Set(EventKind.allCases.map(\.label)).count == EventKind.allCases.count)
        #expect(Set(CloseKind.allCases.map(\.label)).count == CloseKind.allCases.count)
    }

    @Test("a close code that we know is shown, and any other is one of the others")
    func closes() {
        for code in UInt16.min...(.max) {
            let label = CloseKind(CloseCode(code)).label
            #expect(label == "\(code)" || label == "other")
        }
        #expect(CloseKind.allCases.allSatisfy { $0 == .other || CloseKind(CloseCode(UInt16($0.label)!)) == $0 })
    }

    @Test("counts of one case are apart from those of the others, and add up over loops")
    func tally() {
        var (one, other) = (Tally<DialectName>(), Tally<DialectName>())
        for (number, name) in DialectName.allCases.enumerated() { one[name] += UInt64(number) }
        other[.rooms] += 5
        one.add(other)
        #expect(DialectName.allCases.map { one[$0] } == [0, 1, 2, 8, 4])
    }

    @Test("a piece of mail is one word")
    func mail() { #expect(MemoryLayout<Mail>.size == MemoryLayout<Int>.size) }

    @Test("how long things took is counted from their own beginnings, also where the clock has gone round")
    func beginnings() {
        let beginnings = Beginnings()
        var histogram = Histogram(Histogram.Scale(bounds: [10, 100]))
        #expect(beginnings.isEmpty)
        beginnings.note(.max - 4)
        beginnings.note(.max - 4, times: 2)
        beginnings.note(.max - 49)
        beginnings.end(at: 1, in: &histogram)
        #expect(histogram.cumulative.map(\.count) == [3, 4])
        #expect(histogram.sum == 3 * 6 + 51)
        #expect(beginnings.isEmpty)
    }

    @Test("what came to nothing is not counted")
    func forgotten() {
        let beginnings = Beginnings()
        var histogram = Histogram(.latency)
        beginnings.note(1)
        beginnings.forget()
        beginnings.end(at: 2, in: &histogram)
        #expect(histogram.count == 0)
    }
}
