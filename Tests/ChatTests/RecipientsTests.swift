import Chat
import Testing

@Suite struct RecipientsTests {
    @Test(
        "those whom a message is for are kept in their order", arguments: [[], [7], [7, 3], [7, 3, 5]] as [[Int64]])
    func order(_ ids: [Int64]) {
        let people = ids.map { UserID($0) }
        let recipients = Recipients(people)
        #expect(Array(recipients) == people)
        #expect(recipients.count == people.count)
        #expect(recipients.contains(UserID(3)) == ids.contains(3))
    }

    @Test("one person is the same, however they are given")
    func one() {
        #expect(Recipients([UserID(7)]) == .one(UserID(7)))
        #expect(([UserID(7)] as Recipients) == .one(UserID(7)))
        #expect(([UserID(7), UserID(3)] as Recipients) != .one(UserID(7)))
    }
}
