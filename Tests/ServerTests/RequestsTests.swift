import Chat
import Testing

@testable import Server

/// Answers keep the order of what was asked.
@Suite struct RequestsTests {
    /// What happens to the requests of a connection: one is made, or an answer arrives.
    private enum Step: Sendable {
        case change, publish, type, look, leave, refuse, refuseFirst
        case changed, looked
    }

    private static let now = Timestamp(microseconds: 0)

    private static func decision(_ number: Int, _ step: Step) -> Requests.Decided? {
        let user = User(id: UserID(1), username: "asha", name: "Asha Rao", college: nil)
        let decision: Chat.Decision? =
            switch step {
            case .change: .store(.readNotification(NotificationID(Int64(number)), by: user.id, at: now))
            case .publish: .publish(.counterUsers(number))
            case .type: .type(.person(UserID(Int64(number))), isTyping: true, by: user)
            case .look: .look(.people(keyword: "\(number)"), user)
            case .leave: .leave(ConversationID(Int64(number)))
            case .refuse, .refuseFirst: .refuse(.unknownFormat)
            case .changed, .looked: nil
            }
        return decision.map { Requests.Decided($0, Ticket(acknowledgement: UInt64(number))) }
    }

    private static func description(of request: Requests.Decided) -> String {
        switch request.decision {
        case .store(.readNotification(let id, _, _)): "change \(id)"
        case .publish(.counterUsers(let number)): "publish \(number)"
        case .type(.person(let reader), _, _, _): "type \(reader)"
        case .look(.people(let keyword), _): "look \(keyword)"
        case .leave(let conversation): "leave \(conversation)"
        case .refuse: "refuse"
        case .store, .publish, .type, .look: "another"
        }
    }

    /// What is carried out after each step.
    private static func run(_ steps: [Step]) -> [[String]] {
        var requests = Requests()
        return steps.enumerated().map { index, step in
            var carriedOut: [String] = []
            if let decision = decision(index + 1, step) {
                if step == .refuseFirst {
                    requests.prepend(decision)
                } else if requests.take(decision) {
                    carriedOut.append(description(of: decision))
                }
            } else if step == .changed {
                requests.changeEnded()
            } else {
                requests.lookEnded()
            }
            while let next = requests.next() { carriedOut.append(description(of: next)) }
            return carriedOut
        }
    }

    @Test(
        "each is carried out when its turn has come",
        arguments: [
            // Changes are answered in their order, and need not wait for each other.
            ([.change, .change, .changed, .changed], [["change 1"], ["change 2"], [], []]),
            // What is published is not answered.
            ([.publish, .change, .publish], [["publish 1"], ["change 2"], ["publish 3"]]),
            // A look waits for all changes before it.
            ([.change, .look, .changed], [["change 1"], [], ["look 2"]]),
            ([.change, .change, .look, .changed, .changed], [["change 1"], ["change 2"], [], [], ["look 3"]]),
            // Everything waits for a look's answer.
            (
                [.look, .look, .change, .publish, .refuse, .looked, .looked, .changed],
                [["look 1"], [], [], [], [], ["look 2"], ["change 3", "publish 4"], ["refuse"]]
            ),
            // Who hears that somebody types has to be looked up.
            (
                [.change, .type, .publish, .changed, .looked],
                [["change 1"], [], [], ["type 2"], ["publish 3"]]
            ),
            ([.look, .type, .looked, .looked], [["look 1"], [], ["type 2"], []]),
            // What came before a look that waits goes on; what came after it waits behind it.
            (
                [.change, .look, .publish, .changed, .looked],
                [["change 1"], [], [], ["look 2"], ["publish 3"]]
            ),
            ([.change, .look, .change, .changed, .looked], [["change 1"], [], [], ["look 2"], ["change 3"]]),
            // A refusal is an answer, and waits for those before it.
            ([.refuse, .refuse], [["refuse"], ["refuse"]]),
            ([.change, .refuse, .changed], [["change 1"], [], ["refuse"]]),
            ([.change, .refuse, .change, .changed], [["change 1"], [], [], ["refuse", "change 3"]]),
            ([.look, .refuse, .looked], [["look 1"], [], ["refuse"]]),
            // What takes the place of one that failed comes before all that waits.
            ([.change, .look, .refuseFirst, .changed], [["change 1"], [], [], ["refuse", "look 2"]]),
        ] as [([Step], [[String]])])
    private func order(_ steps: [Step], _ carriedOut: [[String]]) {
        #expect(Self.run(steps) == carriedOut)
    }

    @Test("what waited for the store in vain is refused in its place, behind what the store has")
    func vain() throws {
        var requests = Requests()
        let steps = [Step.change, .change, .publish, .change].enumerated()
        let decisions = try steps.map { try #require(Self.decision($0.offset + 1, $0.element)) }
        _ = requests.take(decisions[0])
        _ = requests.take(decisions[1])
        requests.stall(decisions[1])
        for decision in decisions[2...] { _ = requests.take(decision) }
        requests.giveUp()
        let early = requests.next()
        #expect(early == nil)
        requests.changeEnded()
        var carriedOut: [String] = []
        while let next = requests.next() {
            carriedOut.append("\(next.ticket.acknowledgement ?? 0) \(Self.description(of: next))")
        }
        #expect(carriedOut == ["2 refuse", "3 publish 3", "4 refuse"])
        #expect(!requests.isWaiting && !requests.isFull)
    }

    @Test("it is full at 256 that wait, and not before, nor after the first of them has gone")
    func limit() throws {
        var requests = Requests()
        #expect(requests.take(try #require(Self.decision(0, .look))))
        for number in 1...256 {
            #expect(!requests.isFull)
            #expect(!requests.take(try #require(Self.decision(number, .look))))
        }
        #expect(requests.isFull)
        #expect(requests.next() == nil)
        requests.lookEnded()
        #expect(requests.next() != nil)
        #expect(!requests.isFull)
    }

    @Test("thousands that wait go on in their order, also where the store has no room for one of them")
    func many() throws {
        let (start, one) = (ContinuousClock.now, try #require(Self.decision(0, .change)))
        var requests = Requests()
        _ = requests.take(one)
        for number in 1...100_000 {
            if let decision = Self.decision(number, number % 1000 == 0 ? .change : .refuse) {
                _ = requests.take(decision)
            }
        }
        var carriedOut: [UInt64?] = []
        requests.changeEnded()
        while let next = requests.next() {
            if case .store = next.decision {
                requests.stall(next)
                let early = requests.next()
                requests.resume()
                let later = requests.next()
                let again = try #require(later)
                #expect(early == nil && again.ticket.acknowledgement == next.ticket.acknowledgement)
                requests.changeEnded()
            }
            carriedOut.append(next.ticket.acknowledgement)
        }
        #expect(carriedOut == (1...100_000).map { $0 } && requests.isEmpty)
        // Where each moved those behind it, it would be minutes.
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test("nothing overtakes what waits, even if it might go on alone")
    func noOvertaking() throws {
        var requests = Requests()
        #expect(requests.take(try #require(Self.decision(1, .change))))
        #expect(!requests.take(try #require(Self.decision(2, .look))))
        #expect(!requests.take(try #require(Self.decision(3, .publish))))
        #expect(requests.next() == nil)
    }

    @Test("changes under way count too, so that one connection can't fill the store's queue")
    func changesFill() throws {
        var requests = Requests()
        for number in 1...256 {
            #expect(!requests.isFull)
            #expect(requests.take(try #require(Self.decision(number, .change))))
        }
        #expect(requests.isFull)
        requests.changeEnded()
        #expect(!requests.isFull)
    }

    @Test("a look waits until the client has read, and what waits keeps its order")
    func room() throws {
        var requests = Requests()
        #expect(!requests.take(try #require(Self.decision(1, .look)), mayLook: false))
        #expect(!requests.take(try #require(Self.decision(2, .change))))
        #expect(requests.next(mayLook: false) == nil)
        #expect(requests.next() != nil)
    }

    @Test("a change that found no room waits, with all behind it, and nothing is read until there is room")
    func noRoom() throws {
        var requests = Requests()
        let first = try #require(Self.decision(1, .change))
        let second = try #require(Self.decision(2, .change))
        let areTaken = [requests.take(first), requests.take(second)]
        #expect(areTaken == [true, true])
        requests.stall(second)
        #expect(requests.isFull)
        #expect(!requests.take(try #require(Self.decision(3, .publish))))
        requests.changeEnded()
        #expect(requests.next() == nil)
        requests.resume()
        #expect(!requests.isFull)
        let carriedOut = [requests.next(), requests.next()].map { $0.map { Self.description(of: $0) } }
        #expect(carriedOut == ["change 2", "publish 3"])
        #expect(requests.next() == nil)
    }

    @Test("changes that wait when the connection ends are handed out, and nothing else")
    func leftovers() throws {
        var requests = Requests()
        #expect(requests.take(try #require(Self.decision(1, .look))))
        #expect(!requests.take(try #require(Self.decision(2, .change))))
        #expect(!requests.take(try #require(Self.decision(3, .look))))
        #expect(!requests.take(try #require(Self.decision(4, .change))))
        #expect(requests.takeChanges().count == 2)
        #expect(requests.takeChanges().isEmpty)
    }
}
