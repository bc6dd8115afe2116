import Chat
import Testing

@testable import Server

/// A token may have been looked up just before it was revoked.
@Suite struct RecentRevocationsTests {
    private static let holder = Holder(user: UserID(1), token: nil)

    @Test("what was revoked is remembered for two seconds, and longer while there is mail that may be older")
    func lifetime() {
        var revocations = RecentRevocations()
        revocations.add(.person(UserID(1)), at: 100)
        for tick in UInt32(101)...200 {
            revocations.applied(at: tick, isBehind: true)
            #expect(revocations.include(Self.holder))
        }
        revocations.applied(at: 207, isBehind: false)
        #expect(revocations.include(Self.holder) && !revocations.hasNews)
        revocations.applied(at: 208, isBehind: false)
        #expect(!revocations.include(Self.holder) && revocations.isEmpty)
    }
}
