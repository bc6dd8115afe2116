import JWT
import Testing

@testable import Server

@Suite struct JWTSettingsTests {
    private static let secret = "a secret of at least thirty-two bytes"

    /// The text of the error, or `nil` where there is none.
    private func error(_ list: String) -> String? {
        do {
            _ = try JWTSettings.list(list)
            return nil
        } catch {
            return error.description
        }
    }

    private func one(_ members: String) throws -> JWTSettings {
        let list = try JWTSettings.list(#"[{"key_file":"/k",\#(members)}]"#)
        return try #require(list.first)
    }

    @Test("nothing is no verifier", arguments: ["", "[]", " [ ] "])
    func none(_ list: String) throws {
        #expect(try JWTSettings.list(list).isEmpty)
    }

    @Test("what is left out has its default")
    func defaults() throws {
        let settings = try #require(try JWTSettings.list(#"[{"key_file":"/k"}]"#).first)
        #expect(settings.name == "verifier 1")
        #expect(settings.algorithms == nil)
        #expect(settings.issuer == nil)
        #expect(settings.audiences.isEmpty)
        #expect(settings.leeway == .zero)
        #expect(settings.idClaims == ["user_id", "sub", "id", "userId"])
        #expect(settings.usernameClaims == ["username", "preferred_username"])
        #expect(settings.nameClaims == ["name"])
        #expect(settings.collegeClaims == ["college_id", "college"])
        #expect(!settings.createsUsers)
    }

    @Test("everything can be set")
    func everything() throws {
        let settings = try one(
            """
            "name":"login","algorithms":["RS256","ES256"],"issuer":"https://a","audience":["chat","web"],
            "leeway":"30s","id_claims":["uid"],"username_claims":"nick","name_claims":["full","name"],
            "college_claims":["org"],"create_users":true
            """)
        #expect(settings.name == "login")
        #expect(settings.algorithms == [.rs256, .es256])
        #expect(settings.issuer == "https://a")
        #expect(settings.audiences == ["chat", "web"])
        #expect(settings.leeway == .seconds(30))
        #expect(settings.idClaims == ["uid"])
        #expect(settings.usernameClaims == ["nick"])
        #expect(settings.nameClaims == ["full", "name"])
        #expect(settings.collegeClaims == ["org"])
        #expect(settings.createsUsers)
        #expect(try one(#""audience":"chat","algorithms":"RS256""#).audiences == ["chat"])
        #expect(try one(#""create_users":false"#).createsUsers == false)
    }

    @Test("each source is known, and those without a name are numbered")
    func sources() throws {
        let list = try JWTSettings.list(
            """
            [{"secret":"\(Self.secret)"},{"secret_file":"/s"},{"key_file":"/k"},{"jwks_file":"/j","name":"sets"}]
            """)
        #expect(list.map(\.name) == ["verifier 1", "verifier 2", "verifier 3", "sets"])
        guard case .secret(Array(Self.secret.utf8)) = list[0].source else { return #expect(Bool(false)) }
        guard case .secretFile("/s") = list[1].source else { return #expect(Bool(false)) }
        guard case .keyFile("/k") = list[2].source else { return #expect(Bool(false)) }
        guard case .jwksFile("/j") = list[3].source else { return #expect(Bool(false)) }
    }

    private static let source = "one of secret, secret_file, key_file and jwks_file is needed"

    @Test(
        "what is wrong is named",
        arguments: [
            ("{", "not a JSON array"), ("{}", "not a JSON array"), ("null", "not a JSON array"),
            ("[null]", "verifier 1 is not an object"),
            (#"[{"key_file":"/k"},[]]"#, "verifier 2 is not an object"),
            ("[{}]", "verifier 1: \(source)"),
            (#"[{"secret_file":"/s","jwks_file":"/j"}]"#, "verifier 1: \(source)"),
            (#"[{"name":"a","key_file":"/k","Issuer":"x"}]"#, #"a: there is no "Issuer""#),
            (#"[{"name":5,"key_file":"/k"}]"#, "verifier 1: name is a text"),
            (#"[{"key_file":""}]"#, "verifier 1: key_file is a text"),
            (#"[{"key_file":5}]"#, "verifier 1: key_file is a text"),
            (#"[{"secret":["x"]}]"#, "verifier 1: secret is a text"),
            (#"[{"key_file":"/k","issuer":""}]"#, "verifier 1: issuer is a text"),
            (#"[{"key_file":"/k","issuer":["x"]}]"#, "verifier 1: issuer is a text"),
            (#"[{"key_file":"/k","audience":[]}]"#, "verifier 1: audience is a text or a list of texts"),
            (#"[{"key_file":"/k","audience":["a",1]}]"#, "verifier 1: audience is a text or a list of texts"),
            (#"[{"key_file":"/k","audience":null}]"#, "verifier 1: audience is a text or a list of texts"),
            (#"[{"key_file":"/k","id_claims":{}}]"#, "verifier 1: id_claims is a text or a list of texts"),
            (#"[{"key_file":"/k","leeway":30}]"#, "verifier 1: leeway is a text"),
            (#"[{"name":"a","key_file":"/k","leeway":"-1s"}]"#, "a: leeway is a duration such as 30s"),
            (#"[{"name":"a","key_file":"/k","create_users":"true"}]"#, "a: create_users is true or false"),
            (
                #"[{"name":"a","key_file":"/k","algorithms":["RS256","none"]}]"#,
                #"a: the algorithm "none" is none of HS256, HS384, HS512, RS256, ES256"#
            ),
            (
                #"[{"name":"a","key_file":"/k","algorithms":"rs256"}]"#,
                #"a: the algorithm "rs256" is none of HS256, HS384, HS512, RS256, ES256"#
            ),
        ])
    private func wrong(_ list: String, _ reason: String) {
        #expect(error(list) == reason)
    }

    @Test("a secret that will not do is not told")
    func wrongSecrets() {
        #expect(error(#"[{"name":"a","secret":"hush"}]"#) == "a: a secret needs 32 bytes or more, this one has 4")
        let key = "-----BEGIN PUBLIC KEY-----hush-----END PUBLIC KEY-----"
        #expect(error(#"[{"name":"a","secret":"\#(key)"}]"#) == "a: this is the text of a key file, not a secret")
    }
}
