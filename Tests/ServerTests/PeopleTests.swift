import Chat
import Testing

@testable import Server

@Suite struct PeopleTests {
    private let people = People()
    private let limit = TokenBucket.Limit(rate: 1, burst: 2)
    private let person = UserID(7)

    @Test("one session too many is turned away, until another ends")
    func sessions() throws {
        let first = try #require(people.enter(person, limit: 2))
        let second = try #require(people.enter(person, limit: 2))
        #expect(first === second)
        #expect(people.enter(person, limit: 2) == nil)
        #expect(people.enter(UserID(8), limit: 2) != nil)
        people.leave(first, at: 0)
        #expect(people.enter(person, limit: 2) != nil)
        #expect(people.enter(person, limit: 0) != nil)
    }

    @Test("what is sent over HTTP and through sessions comes out of one bucket")
    func bucket() throws {
        let usage = try #require(people.enter(person, limit: 0))
        #expect(usage.messages.take(limit, at: 0) == 0)
        #expect(people.take(limit, of: person, at: 0) == 0)
        #expect(people.take(limit, of: person, at: 0) == 1_000_000)
        #expect(usage.messages.take(limit, at: 0) == 1_000_000)
        #expect(people.take(limit, of: UserID(8), at: 0) == 0)
    }

    @Test("who comes back finds the bucket as they left it, and is forgotten once it is full")
    func memory() throws {
        let usage = try #require(people.enter(person, limit: 0))
        _ = (0..<2).map { _ in usage.messages.take(limit, at: 0) }
        people.leave(usage, at: 0)
        people.tidy(at: 1_999_999)
        #expect(people.count == 1)
        let again = try #require(people.enter(person, limit: 0))
        #expect(again === usage)
        people.tidy(at: 3_000_000)
        #expect(people.count == 1)
        people.leave(again, at: 3_000_000)
        #expect(people.count == 0)
    }

    @Test("who only calls over HTTP is forgotten too")
    func callers() {
        for user in Int64(0)..<100 { _ = people.take(limit, of: UserID(user), at: 0) }
        #expect(people.count == 100)
        people.tidy(at: 1_000_000)
        #expect(people.count == 0)
        _ = people.take(TokenBucket.Limit(rate: 0, burst: 1), of: person, at: 0)
        #expect(people.count == 0)
    }
}
