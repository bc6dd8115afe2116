import Chat
import Testing

@testable import Server

@Suite struct LoginThrottleTests {
    private let throttle = LoginThrottle()
    private let start = Timestamp(microseconds: 1_767_702_600_000_000)

    private func fail(
        _ count: Int, as username: String = "asha", from address: String = "192.0.2.1", at time: Timestamp
    ) {
        for _ in 0..<count where throttle.attempt(username, from: address, at: time) == nil {
            throttle.fail(from: address, at: time)
        }
    }

    private func wait(_ username: String = "asha", from address: String = "192.0.2.1", at time: Timestamp) -> Int? {
        if let wait = throttle.attempt(username, from: address, at: time) { return wait }
        throttle.forgive(username, from: address)
        return nil
    }

    @Test("four failures are forgiven, the fifth has to wait out the minute")
    func account() {
        fail(4, at: start)
        #expect(wait(at: start) == nil)
        fail(1, at: start + .seconds(10))
        #expect(wait(at: start + .seconds(10)) == 50)
        #expect(wait(at: start + .microseconds(59_999_999)) == 1)
        #expect(wait(at: start + .seconds(60)) == nil)
    }

    @Test("a new minute counts anew")
    func newWindow() {
        fail(5, at: start)
        fail(4, at: start + .seconds(60))
        #expect(wait(at: start + .seconds(60)) == nil)
        fail(1, at: start + .seconds(60))
        #expect(wait(at: start + .seconds(60)) != nil)
    }

    @Test("a name is the same in upper and lower case")
    func names() {
        fail(3, as: "Asha", at: start)
        fail(2, as: "ASHA", at: start)
        #expect(wait("asha", at: start) != nil)
    }

    @Test("neither others at the address nor the owner elsewhere have to wait")
    func others() {
        fail(5, at: start)
        #expect(wait("ben", at: start) == nil)
        #expect(wait(from: "192.0.2.2", at: start) == nil)
    }

    @Test("thirty failures from one address close it for every account")
    func address() {
        for number in 0..<29 { fail(1, as: "user\(number)", at: start) }
        #expect(wait("ben", at: start) == nil)
        fail(1, as: "user29", at: start)
        #expect(wait("ben", at: start) != nil)
        #expect(wait("ben", from: "192.0.2.2", at: start) == nil)
        #expect(wait("ben", at: start + .seconds(60)) == nil)
    }

    @Test("who signed in from an address before is not closed out by its neighbours, only by failures of their own")
    func familiar() {
        #expect(throttle.attempt("ben", from: "192.0.2.1", at: start) == nil)
        throttle.succeed("ben", from: "192.0.2.1")
        for number in 0..<30 { fail(1, as: "user\(number)", at: start) }
        #expect(wait("asha", at: start) != nil)
        #expect(wait("Ben", at: start) == nil)
        #expect(wait("ben", from: "192.0.2.2", at: start) == nil)
        fail(5, as: "ben", at: start)
        #expect(wait("ben", at: start) == 60)
    }

    @Test("all addresses of a /64 are one")
    func network() {
        fail(5, from: "2001:db8::1", at: start)
        #expect(wait(from: "2001:db8::2", at: start) == 60)
        #expect(wait(from: "2001:db8:0:1::1", at: start) == nil)
    }

    @Test("attempts under way count for their account, and not for the address")
    func underWay() {
        for number in 0..<40 {
            #expect(throttle.attempt("user\(number % 8)", from: "192.0.2.1", at: start) == nil)
        }
        for number in 0..<8 { #expect(throttle.attempt("user\(number)", from: "192.0.2.1", at: start) == 60) }
        #expect(wait("ben", at: start) == nil)
    }

    @Test("a full table forgets old failures, and keeps recent ones")
    func flood() {
        for number in 0..<4_999 { fail(1, from: "old \(number)", at: start) }
        let later = start + .seconds(61)
        fail(5, at: later)
        fail(1, from: "one more", at: later)
        #expect(wait(at: later) != nil)
    }
}

@Suite struct RegistrationThrottleTests {
    @Test("the thirty-first account from one address has to wait out the minute, others don't")
    func limit() {
        let throttle = RegistrationThrottle()
        let start = Timestamp(microseconds: 1_767_702_600_000_000)
        for second in 0..<30 {
            #expect(throttle.attempt(from: "192.0.2.1", at: start + .seconds(second)) == nil)
        }
        #expect(throttle.attempt(from: "192.0.2.1", at: start + .seconds(45)) == 15)
        #expect(throttle.attempt(from: "192.0.2.2", at: start + .seconds(45)) == nil)
        #expect(throttle.attempt(from: "192.0.2.1", at: start + .seconds(60)) == nil)
    }
}

@Suite struct PasswordHashTests {
    @Test(
        "a password is verified by its hash, and no other is",
        arguments: ["correct horse", "", "pässwörd \u{1F600}", "a\0b"])
    func verify(_ password: String) {
        let encoded = PasswordHash.make(of: password)
        #expect(PasswordHash.verify(password, against: encoded))
        #expect(!PasswordHash.verify(password + "x", against: encoded))
    }

    @Test("it is argon2id with 19 MiB, two passes and one lane")
    func parameters() {
        #expect(PasswordHash.make(of: "secret").hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
    }

    @Test("a NUL does not end a password")
    func nul() {
        #expect(!PasswordHash.verify("a", against: PasswordHash.make(of: "a\0b")))
    }

    @Test("the same password gets another salt each time")
    func salt() {
        #expect(PasswordHash.make(of: "secret") != PasswordHash.make(of: "secret"))
    }

    @Test(
        "what is no hash verifies nothing",
        arguments: [nil, "", "secret", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$$"] as [String?])
    func noHash(_ encoded: String?) {
        #expect(!PasswordHash.verify("secret", against: encoded))
        #expect(!PasswordHash.verify("", against: encoded))
    }
}

@Suite struct AccessTokenTests {
    @Test("a token is 43 letters that need no escaping in a URL")
    func letters() {
        for _ in 0..<100 {
            let text = AccessToken().text
            #expect(text.utf8.count == 43)
            #expect(text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") })
        }
    }

    @Test("no two tokens are the same")
    func unique() {
        #expect(Set((0..<1000).map { _ in AccessToken().text }).count == 1000)
    }

    @Test(
        "the digest is SHA-256 of the text",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ])
    func digest(_ text: String, _ expected: String) {
        let hexadecimal = AccessToken.digest(of: text).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(hexadecimal == expected)
    }

    @Test("a token's digest is that of its text")
    func ownDigest() {
        let token = AccessToken()
        #expect(token.digest == AccessToken.digest(of: token.text))
    }
}
