import Chat
import Testing

@testable import Server

@Suite struct OwnTokenTests {
    @Test("a token of half a second is valid that long, wherever in a second", arguments: [0, 200_000, 700_000])
    func halfSecond(_ fraction: Int64) throws {
        let verifiers = try TokenVerifiers(
            Configuration(), secret: Array(repeating: 7, count: 32), log: Log(level: .error, format: .json))
        let now = Timestamp(microseconds: 1_767_702_600_000_000 + fraction)
        let user = User(id: UserID(1), username: "asha", name: "Asha", college: nil)
        let token = try verifiers.makeToken(for: user, at: now, expiresAt: now + .milliseconds(500))
        let verified = try verifiers.verify(token, at: now + .milliseconds(499))
        #expect(try #require(verified.first?.expiresAt) >= now + .milliseconds(500))
        #expect(throws: TokenVerifiers.Refused.self) { try verifiers.verify(token, at: now + .seconds(2)) }
    }
}
