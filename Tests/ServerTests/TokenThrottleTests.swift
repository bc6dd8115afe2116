import Chat
import EventLoop
import Testing

@testable import Server

@Suite struct TokenThrottleTests {
    private let throttle = TokenThrottle(limit: 20)
    private let start = Timestamp(microseconds: 1_767_702_600_000_000)
    private let address = "192.0.2.1"

    /// What a token that is not valid gets: the seconds to wait, or nothing of that.
    private func fail(_ token: String, from address: String = "192.0.2.1", at time: Timestamp) -> Int? {
        throttle.wait(for: token, from: address, at: time) ?? throttle.fail(token, from: address, at: time).wait
    }

    @Test("a token may fail ten times in a minute")
    func oneToken() {
        for _ in 0..<10 { #expect(fail("a", at: start) == nil) }
        #expect(fail("a", at: start + .seconds(10)) == 50)
        #expect(fail("b", at: start) == nil)
        #expect(fail("a", at: start + .seconds(60)) == nil)
    }

    @Test("of many tokens, so many may fail; those that failed are not even looked at any more, others always")
    func manyTokens() {
        let last = (0..<20).map { throttle.fail("token \($0)", from: address, at: start).isLast }
        #expect(last.filter(\.self).count == 1 && last[19])
        #expect(throttle.wait(for: "token 0", from: address, at: start) == 60)
        #expect(throttle.wait(for: "a valid one", from: address, at: start) == nil)
        for number in 20..<1000 {
            let token = "token \(number)"
            #expect(throttle.wait(for: token, from: address, at: start) == nil)
            let failure = throttle.fail(token, from: address, at: start)
            #expect(failure.wait == 60 && !failure.isLast)
        }
        #expect(fail("token 0", from: "192.0.2.2", at: start) == nil)
        #expect(fail("token 0", at: start + .seconds(60)) == nil)
    }

    @Test("the same token again and again counts once for its address")
    func patient() {
        for _ in 0..<100 { _ = fail("a", at: start) }
        for number in 0..<19 { #expect(fail("token \(number)", at: start) == nil) }
        #expect(fail("one more", at: start) == 60)
    }

    @Test("all addresses of a /64 are one")
    func network() {
        for number in 0..<20 { #expect(fail("token \(number)", from: "2001:db8::\(number)", at: start) == nil) }
        #expect(fail("x", from: "2001:db8::ffff:0:0:1", at: start) == 60)
        #expect(fail("x", from: "2001:db8:0:1::1", at: start) == nil)
    }

    @Test("0 is no limit")
    func unlimited() {
        let throttle = TokenThrottle(limit: 0)
        for _ in 0..<1000 { #expect(throttle.fail("a", from: address, at: start).wait == nil) }
        #expect(throttle.wait(for: "a", from: address, at: start) == nil)
    }
}
