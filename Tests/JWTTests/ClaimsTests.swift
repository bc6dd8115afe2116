import JWT
import Testing

@Suite struct ClaimsTests {
    private static let second: Int64 = 1_000_000

    private func verifier(leeway: Duration = .zero) -> Verifier { Verifier(keys: [secretKey()], leeway: leeway) }

    // MARK: - Time

    @Test("exp is the first moment at which a token is refused, leeway at the microsecond included")
    func expiry() throws {
        let token = token(payload: #"{"exp":1700000000}"#)
        for (leeway, end) in [(Duration.zero, now), (.seconds(30), now + 30_000_000), (.microseconds(1), now + 1)] {
            let claims = try verifier(leeway: leeway).verify(token, at: end - 1)
            #expect(claims.expiresAt == now)
            #expect(claims.validUntil == end)
            #expect(refusal(of: token, by: verifier(leeway: leeway), at: end) == .expired(since: end))
        }
    }

    @Test("nbf is the first moment at which a token is accepted, leeway at the microsecond included")
    func notBefore() throws {
        let token = token(payload: #"{"nbf":1700000000}"#)
        for (leeway, begin) in [(Duration.zero, now), (.seconds(30), now - 30_000_000), (.microseconds(1), now - 1)] {
            let verifier = verifier(leeway: leeway)
            #expect(refusal(of: token, by: verifier, at: begin - 1) == .notYetValid(until: begin))
            let claims = try verifier.verify(token, at: begin)
            #expect(claims.expiresAt == nil)
            #expect(claims.validUntil == nil)
        }
    }

    @Test(
        "a token is never valid longer than it says",
        arguments: [
            ("1700000000.5", now + 500_000), ("1.7e9", now), ("1700000000.0", now),
            ("1700000000.99999975", now + 999_999),
            ("-1.5", -1_500_000), ("-0.0000001", -1), ("0.0000001", 0),
        ])
    func fraction(_ number: String, _ end: Int64) throws {
        let token = token(payload: #"{"exp":\#(number)}"#)
        #expect(try verifier().verify(token, at: end - 1).expiresAt == end)
        #expect(refusal(of: token, at: end) == .expired(since: end))
    }

    @Test("nor earlier", arguments: [("1700000000.25", now + 250_000), ("0.0000001", 1), ("-0.0000001", 0)])
    func fractionalBegin(_ number: String, _ begin: Int64) {
        let token = token(payload: #"{"nbf":\#(number)}"#)
        #expect(refusal(of: token, at: begin - 1) == .notYetValid(until: begin))
        #expect(refusal(of: token, at: begin) == nil)
    }

    @Test(
        "numbers beyond reason stand for never and always",
        arguments: ["1e300", "9223372036854775807", "9223372036854.775807e6", "1e19"])
    func hugeNumbers(_ number: String) throws {
        for leeway in [Duration.zero, .seconds(1), .seconds(Int64.max)] {
            let verifier = verifier(leeway: leeway)
            let claims = try verifier.verify(token(payload: #"{"exp":\#(number),"nbf":-\#(number)}"#), at: now)
            #expect(claims.validUntil == .max)
            #expect(claims.expiresAt == .max)
        }
        #expect(refusal(of: token(payload: #"{"exp":-\#(number)}"#)) == .expired(since: .min))
        #expect(refusal(of: token(payload: #"{"nbf":\#(number)}"#)) == .notYetValid(until: .max))
        #expect(refusal(of: token(payload: #"{"iat":\#(number)}"#)) == nil)
    }

    @Test("an integer of 64 bits without a sign is beyond reason too")
    func unsignedNumber() throws {
        let token = token(payload: #"{"exp":18446744073709551615}"#)
        #expect(try verifier().verify(token, at: now).expiresAt == .max)
    }

    @Test("any moment is a time to ask", arguments: [Int64.min, -1, 0, .max])
    func anyMoment(_ time: Int64) {
        let token = token(payload: #"{"exp":1700000000,"nbf":1600000000}"#)
        let late = time > now
        #expect(
            refusal(of: token, at: time)
                == (late ? .expired(since: now) : .notYetValid(until: 1_600_000_000_000_000)))
    }

    @Test(
        "a time that is no number is refused",
        arguments: ["null", "\"1700000000\"", "true", "[1700000000]", "{}"])
    func notANumber(_ value: String) {
        #expect(refusal(of: token(payload: #"{"exp":\#(value)}"#)) == .notANumber(.expiry))
        #expect(refusal(of: token(payload: #"{"nbf":\#(value)}"#)) == .notANumber(.notBefore))
        #expect(refusal(of: token(payload: #"{"iat":\#(value)}"#)) == .notANumber(.issuedAt))
    }

    @Test(
        "a number that JSON can't hold makes no payload",
        arguments: ["1e400", "100000000000000000000", "NaN", "Infinity", "0x10", "01"])
    func noNumber(_ value: String) {
        #expect(refusal(of: token(payload: #"{"exp":\#(value)}"#)) == .notAnObject(.payload))
    }

    // MARK: - Issuer and audience

    @Test("the issuer is compared byte for byte")
    func issuer() {
        var verifier = verifier()
        verifier.issuer = "https://login.example/é"
        #expect(refusal(of: token(payload: #"{"iss":"https://login.example/é"}"#), by: verifier) == nil)
        for payload in [
            "{}", #"{"iss":"https://login.example/É"}"#, #"{"iss":"https://login.example/e\u0301"}"#, #"{"iss":""}"#,
            #"{"iss":"https://login.example/é "}"#, #"{"iss":null}"#, #"{"iss":["https://login.example/é"]}"#,
        ] {
            #expect(
                refusal(of: token(payload: payload), by: verifier) == .wrongIssuer(expected: "https://login.example/é"))
        }
        #expect(refusal(of: token(payload: #"{"iss":"anybody"}"#)) == nil)
    }

    @Test("one audience in common is enough, and needed")
    func audience() {
        var verifier = verifier()
        verifier.audiences = ["chat", "mail"]
        for payload in [#"{"aud":"chat"}"#, #"{"aud":["x","mail"]}"#, #"{"aud":[1,null,"chat"]}"#] {
            #expect(refusal(of: token(payload: payload), by: verifier) == nil)
        }
        for payload in [
            "{}", #"{"aud":[]}"#, #"{"aud":"Chat"}"#, #"{"aud":"chat mail"}"#, #"{"aud":null}"#, #"{"aud":[["chat"]]}"#,
            #"{"aud":{"chat":"chat"}}"#, #"{"aud":""}"#,
        ] {
            #expect(refusal(of: token(payload: payload), by: verifier) == .wrongAudience(expected: ["chat", "mail"]))
        }
    }

    @Test("an audience is not looked at where none is expected")
    func noAudience() { #expect(refusal(of: token(payload: #"{"aud":"somebody"}"#)) == nil) }

    // MARK: - Members

    @Test("members are found by name, and the first of several that is there")
    func members() throws {
        let payload = #"{"user_id":7,"sub":"alice","id":null,"x":5.0,"y":true,"z":{"sub":1},"big":9223372036854775808}"#
        let claims = try verifier().verify(token(payload: payload), at: now)
        #expect(claims["user_id"] == .integer(7))
        #expect(claims["sub"] == .string("alice"))
        #expect(claims["id"] == nil && claims["absent"] == nil && claims["SUB"] == nil)
        for name in ["x", "y", "z", "big"] { #expect(claims[name] == .other) }
        #expect(claims.first(of: ["absent", "id", "sub", "user_id"]) == .string("alice"))
        #expect(claims.first(of: ["x", "sub"]) == .other)
        #expect(claims.first(of: ["absent"]) == nil)
        #expect(claims.first(of: []) == nil)
    }

    @Test("a genuine token that is refused for what it says is told from others")
    func genuine() {
        for payload in ["", "{\"a\":1,\"a\":2}", #"{"exp":1}"#, #"{"exp":"1"}"#, #"{"nbf":1700000001}"#] {
            #expect(refusal(of: token(payload: payload))?.isOfGenuineToken == true)
            #expect(refusal(of: token(payload: payload, key: secretKey(otherSecret)))?.isOfGenuineToken == false)
        }
        for text in ["", "a.b.c", "a.b.c.d.e", token(header: "{}"), token(header: #"{"alg":"HS256","kid":1}"#)] {
            #expect(refusal(of: text)?.isOfGenuineToken == false)
        }
    }
}
