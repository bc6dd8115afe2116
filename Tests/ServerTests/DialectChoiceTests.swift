import Chat
import Dialects
import HTTP
import Testing

@testable import Server

@Suite struct DialectRuleTests {
    // MARK: - Reading

    @Test(
        "a rule is for a host, a path, or both",
        arguments: [
            ("chat.example.org=conversations", "chat.example.org", nil, .conversations),
            ("/ws/chat/=campus", nil, "/ws/chat", .campus), ("/ws/chat=campus", nil, "/ws/chat", .campus),
            ("chat.example.org/ws/chat/=campus", "chat.example.org", "/ws/chat", .campus),
            ("Chat.Example.ORG:8000=campus", "chat.example.org:8000", nil, .campus),
            ("localhost:8000/ws/chat=conversations", "localhost:8000", "/ws/chat", .conversations),
            ("[::1]:8000=campus", "[::1]:8000", nil, .campus),
            ("/ws/notifications/=rooms", nil, "/ws/notifications", .rooms),
            ("/ws/notifications=campus", nil, "/ws/notifications", .campus), ("a=erp", "a", nil, .erp),
            ("a=rooms", "a", nil, .rooms),
        ] as [(String, String?, String?, DialectName)])
    func good(_ text: String, _ host: String?, _ path: String?, _ name: DialectName) throws {
        let rule = try #require(DialectRule(text))
        #expect(rule.host == host)
        #expect(rule.path == path)
        #expect(rule.name == name)
        #expect(DialectRule(rule.text) == rule)
    }

    @Test(
        "what is none is refused, and so is a dialect on a path where it is not spoken",
        arguments: [
            "", "=", "campus", "=campus", "/=campus", "a=", "a=Campus", "a=socket", "a=campus=b", "a = campus",
            "a b=campus", "/ws/chat/=erp", "/ws/chat/=rooms", "/ws/notifications/=conversations", "/ws/counter/=campus",
            "/ws/chats/=campus", "/ws/chat//=campus", "a/=campus=", "a/ws/chat/=rooms", "/WS/chat/=campus",
        ])
    func bad(_ text: String) {
        #expect(DialectRule(text) == nil)
    }

    // MARK: - Fitting

    @Test(
        "a host fits with any port where the rule names none, in upper or lower case",
        arguments: [
            ("a.example=campus", "a.example", true), ("a.example=campus", "A.Example:8000", true),
            ("A.example=campus", "a.EXAMPLE", true), ("a.example=campus", "b.a.example", false),
            ("a.example=campus", "a.example.b", false), ("a.example=campus", "a.example:b", false),
            ("a.example=campus", nil, false), ("a.example:80=campus", "a.example:80", true),
            ("a.example:80=campus", "a.example", false), ("a.example:80=campus", "a.example:8000", false),
            ("[::1]=campus", "[::1]", true), ("[::1]=campus", "[::1]:8000", true), ("[::1]=campus", "[::2]", false),
            ("/ws/chat/=campus", nil, true), ("/ws/chat/=campus", "a.example", true),
        ] as [(String, String?, Bool)])
    func hosts(_ rule: String, _ host: String?, _ fits: Bool) throws {
        #expect(try #require(DialectRule(rule)).applies(toHost: host, path: "/ws/chat/") == fits)
    }

    @Test(
        "a path fits with and without the slash at its end",
        arguments: [
            ("/ws/chat/=campus", "/ws/chat", true), ("/ws/chat/=campus", "/ws/chat/", true),
            ("/ws/chat=campus", "/ws/chat/", true), ("/ws/chat/=campus", "/ws/notifications/", false),
            ("/ws/chat/=campus", "/ws/chat/x", false), ("/ws/chat/=campus", "/ws", false),
            ("a/ws/chat/=campus", "/ws/chat/", true), ("a/ws/chat/=campus", "/ws/notifications/", false),
            ("b/ws/chat/=campus", "/ws/chat/", false), ("a=campus", "/ws/notifications/", true),
        ])
    func paths(_ rule: String, _ path: String, _ fits: Bool) throws {
        #expect(try #require(DialectRule(rule)).applies(toHost: "a", path: path) == fits)
    }
}

@Suite struct DialectChoiceTests {
    /// The names of the dialects that remain to choose from.
    private func choice(
        _ target: String, host: String = "a.example", rules: [String] = [], hasToken: Bool = true
    ) throws -> [DialectName] {
        let request = try request(target, host: host)
        guard case .found(.webSocket(let mounts), _) = Router<Route>.make().match(request) else {
            throw NoSocket(target: target)
        }
        let rules = try rules.map { try #require(DialectRule($0)) }
        return mounts.choose(request, rules: rules, hasToken: hasToken).map(\.name)
    }

    private struct NoSocket: Error { let target: String }

    private func request(_ target: String, host: String) throws -> Request {
        var decoder = RequestDecoder()
        decoder.append(Array("GET \(target) HTTP/1.1\r\nHost: \(host)\r\n\r\n".utf8).span)
        guard case .request(let request) = try decoder.next() else { throw NoSocket(target: target) }
        return request
    }

    @Test(
        "where nothing is shared, there is nothing to choose",
        arguments: [
            ("/ws/v1/chat/", .erp), ("/ws/v1/notifications", .erp), ("/ws/chat/general/", .rooms),
            ("/ws/counter/", .rooms), ("/ws/v1/chat/?dialect=campus", .erp), ("/ws/counter/?dialect=erp", .rooms),
        ] as [(String, DialectName)])
    func alone(_ target: String, _ name: DialectName) throws {
        for hasToken in [true, false] {
            #expect(try choice(target, rules: ["a.example=conversations"], hasToken: hasToken) == [name])
        }
    }

    @Test(
        "a dialect that is named is spoken, whatever the rules say",
        arguments: [
            ("/ws/chat/?dialect=campus", .campus), ("/ws/chat?dialect=conversations", .conversations),
            ("/ws/chat/?token=x&dialect=conversations", .conversations),
            ("/ws/notifications/?dialect=rooms", .rooms), ("/ws/notifications/?dialect=campus", .campus),
        ] as [(String, DialectName)])
    func named(_ target: String, _ name: DialectName) throws {
        for rules in [[], ["a.example=campus"], ["a.example=conversations"], ["/ws/notifications/=rooms"]] {
            #expect(try choice(target, rules: rules) == [name])
            #expect(try choice(target, rules: rules, hasToken: false) == [name])
        }
    }

    @Test(
        "else the first rule that fits, and that the path has a dialect for",
        arguments: [
            (["a.example=conversations"], [.conversations]), (["/ws/chat/=campus"], [.campus]),
            (["b.example=campus", "/ws/chat/=conversations"], [.conversations]),
            (["a.example=campus", "/ws/chat/=conversations"], [.campus]),
            (["/ws/chat/=conversations", "a.example=campus"], [.conversations]),
            (["a.example=rooms", "/ws/chat/=conversations"], [.conversations]),
            (["/ws/notifications/=rooms"], [.campus, .conversations]),
            (["a.example=rooms"], [.campus, .conversations]), ([], [.campus, .conversations]),
        ] as [([String], [DialectName])])
    func ruled(_ rules: [String], _ names: [DialectName]) throws {
        #expect(try choice("/ws/chat/", rules: rules) == names)
        #expect(try choice("/ws/chat", host: "A.EXAMPLE:8000", rules: rules) == names)
        // A dialect that is not spoken there is like none.
        #expect(try choice("/ws/chat/?dialect=rooms", rules: rules) == names)
        #expect(try choice("/ws/chat/?dialect=x", rules: rules) == names)
        #expect(try choice("/ws/chat/?dialect=", rules: rules) == names)
    }

    @Test("else who brings a token speaks what needs one, and who brings none what needs none")
    func token() throws {
        #expect(try choice("/ws/notifications/", hasToken: true) == [.campus])
        #expect(try choice("/ws/notifications/", hasToken: false) == [.rooms])
        #expect(try choice("/ws/notifications/", rules: ["a.example=conversations"], hasToken: true) == [.campus])
        #expect(try choice("/ws/notifications/", rules: ["a.example=rooms"], hasToken: true) == [.rooms])
        // All need one: that it is missing is told by any.
        #expect(try choice("/ws/chat/", hasToken: false) == [.campus, .conversations])
    }

    @Test("what remains is told by the kind of the token")
    func kind() throws {
        guard case .found(.webSocket(let mounts), _) = Router<Route>.make().match(method: .get, path: "/ws/chat/")
        else { throw NoSocket(target: "/ws/chat/") }
        #expect(mounts.forToken(.opaque).name == .campus)
        #expect(mounts.forToken(.jwt).name == .conversations)
        #expect(Array(mounts.prefix(1)).forToken(.jwt).name == .campus)
    }
}
