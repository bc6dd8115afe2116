import Chat
import Testing

@testable import Server

/// What a connection vouches for is never more than what has left.
@Suite struct DeliveryAccountTests {
    private static func id(_ number: Int64) -> MessageID { MessageID(number) }

    private func vouched(_ account: DeliveryAccount) -> [Int64]? {
        account.delivery(to: UserID(1), by: ConnectionID(shard: 0, slot: 0, generation: 0)).map {
            [$0.start.rawValue, $0.end.rawValue]
        }
    }

    private func begun(isUndecided: Bool = false) -> DeliveryAccount {
        var account = DeliveryAccount()
        account.begin(after: Self.id(10), newest: Self.id(20), isUndecided: isUndecided)
        return account
    }

    @Test("before it has begun it vouches for nothing")
    func nothing() {
        #expect(!DeliveryAccount().hasBegun)
        #expect(vouched(DeliveryAccount()) == nil)
    }

    @Test("what was sent counts once nothing waits")
    func sent() {
        var account = begun()
        #expect(account.hasBegun && account.seatedAt == Self.id(20))
        #expect(vouched(account) == [10, 10])
        account.sent(upTo: Self.id(15))
        #expect(account.isUnderWay)
        #expect(vouched(account) == [10, 10])
        account.confirm(heard: nil)
        #expect(!account.isUnderWay)
        #expect(vouched(account) == [10, 15])
    }

    @Test("who hears live and has nothing queued has missed nothing that the loop heard of")
    func live() {
        var account = begun()
        account.sent(upTo: Self.id(20))
        account.confirm(heard: Self.id(31))
        #expect(vouched(account) == [10, 31])
        // The loop may have heard of less than the seat came with.
        account = begun()
        account.sent(upTo: Self.id(20))
        account.confirm(heard: Self.id(17))
        #expect(vouched(account) == [10, 20])
    }

    @Test("what was sent before is not taken back by something older")
    func older() {
        var account = begun()
        account.sent(upTo: Self.id(25))
        account.sent(upTo: Self.id(20))
        account.confirm(heard: nil)
        #expect(vouched(account) == [10, 25])
    }

    @Test("while it is open whether anything is owed, it vouches only for what came later")
    func undecided() {
        var account = begun(isUndecided: true)
        #expect(vouched(account) == [20, 20])
        account.sent(upTo: Self.id(22))
        account.confirm(heard: nil)
        #expect(vouched(account) == [20, 22])
    }

    @Test("a client that wants what it missed is sent it again, all from there on")
    func wanted() {
        var account = begun(isUndecided: true)
        account.sent(upTo: Self.id(22))
        account.confirm(heard: nil)
        let wasOpen = account.settle(isWanted: true)
        #expect(wasOpen)
        #expect(vouched(account) == [10, 10])
        #expect(!account.isUnderWay)
        let isOpen = account.settle(isWanted: true)
        #expect(!isOpen)
    }

    @Test("for a client that does not want it, nothing is owed any more")
    func unwanted() {
        var account = begun(isUndecided: true)
        account.sent(upTo: Self.id(22))
        account.confirm(heard: nil)
        let wasOpen = account.settle(isWanted: false)
        #expect(wasOpen)
        #expect(vouched(account) == [10, 22])
        var decided = begun()
        let isOpen = decided.settle(isWanted: false)
        #expect(!isOpen)
        #expect(vouched(decided) == [10, 10])
    }

    @Test("what is acknowledged has arrived, and a ping is under way at most")
    func acknowledged() {
        var account = begun()
        let beforeAnything = account.ask()
        #expect(beforeAnything == nil)
        account.sent(upTo: Self.id(15))
        let first = account.ask()
        #expect(first == Self.id(15))
        account.sent(upTo: Self.id(16))
        let second = account.ask()
        #expect(second == nil)
        let unasked = account.acknowledged(Self.id(16))
        #expect(!unasked && vouched(account) == [10, 10])
        let answered = account.acknowledged(Self.id(15))
        #expect(answered && vouched(account) == [10, 15] && account.isUnderWay)
        let again = account.acknowledged(Self.id(15))
        #expect(!again)
        let third = account.ask()
        #expect(third == Self.id(16))
    }

    @Test("what was looked at for a client that has all has arrived too; while more is under way, not")
    func heard() {
        var account = begun()
        account.heard(Self.id(31))
        #expect(vouched(account) == [10, 31])
        account.sent(upTo: Self.id(32))
        account.heard(Self.id(40))
        #expect(vouched(account) == [10, 31])
    }

    @Test("an acknowledgement of what came in the wrong words says nothing")
    func wrongWords() {
        var account = begun(isUndecided: true)
        account.sent(upTo: Self.id(22))
        _ = account.ask()
        _ = account.settle(isWanted: true)
        let isNew = account.acknowledged(Self.id(22))
        #expect(!isNew && vouched(account) == [10, 10])
    }

    @Test("a message is a ping's payload and back", arguments: [0, 1, 258, Int64.max])
    func cursor(_ number: Int64) {
        let (whole, short) = (Self.id(number).cursor, Array(Self.id(number).cursor.dropLast()))
        let (read, cut) = (MessageID(cursor: whole.span), MessageID(cursor: short.span))
        #expect(read == Self.id(number) && cut == nil)
    }
}
