import HTTP
import Testing

@Suite struct RequestTests {
    @Test(
        "a target is taken apart",
        arguments: [
            ("/", "/", nil),
            ("/?", "/", ""),
            ("/a/b/?x=1?y", "/a/b/", "x=1?y"),
            ("/caf%C3%A9%2Fbar%20", "/caf%C3%A9%2Fbar%20", nil),
            ("/%00%FF", "/%00%FF", nil),
            ("//a", "//a", nil),
            ("/a?%zz", "/a", "%zz"),
            ("http://example.org", "/", nil),
            ("http://example.org?q", "/", "q"),
            ("HTTPS://example.org:443/a%62?q", "/a%62", "q"),
        ] as [(String, String, String?)])
    func targets(target: String, rawPath: String, query: String?) throws {
        let request = try get(target)
        #expect(request.target == target)
        #expect(request.rawPath == rawPath)
        #expect(request.query == query)
    }

    @Test("the host of the target wins over the field")
    func host() throws {
        #expect(try get("/").host == "a")
        #expect(try get("http://b:8000/").host == "b:8000")
        #expect(try request("GET / HTTP/1.0\r\n\r\n").host == nil)
    }

    @Test(
        "the query is decoded",
        arguments: [
            ("token=abc", "token", "abc"),
            ("a=1&token=abc&token=def", "token", "abc"),
            ("token", "token", ""),
            ("token=", "token", ""),
            ("token=a=b", "token", "a=b"),
            ("tok%65n=a%20b+c%2B", "token", "a b c+"),
            ("a+b=caf%C3%A9", "a b", "café"),
            ("token2=x&Token=y&ttoken=z", "token", nil),
            ("", "token", nil),
            ("&&token=x", "token", "x"),
            ("&=x", "", ""),
            ("%zz=1&token=x", "token", "x"),
            ("token=%zz&token=x", "token", nil),
            ("token=%4", "token", nil),
            ("token=%00", "token", nil),
            ("token=%FF", "token", nil),
        ] as [(String, String, String?)])
    func queryValues(query: String, name: String, value: String?) throws {
        #expect(try get("/?" + query).queryValue(name) == value)
        #expect(try get("/").queryValue(name) == nil)
    }

    @Test(
        "a name is in the query whatever its value, even one that can't be decoded",
        arguments: [
            ("token=abc", true), ("token", true), ("token=", true), ("a=1&token", true), ("tok%65n=x", true),
            ("token=%zz", true), ("token=%FF", true), ("token=%00", true), ("&&token=x", true),
            ("token2=x&Token=y&ttoken=z", false), ("a=token", false), ("%zz=token", false), ("tok%zzn", false),
            ("", false), ("=token", false),
        ])
    func queryNames(query: String, isThere: Bool) throws {
        #expect(try get("/?" + query).hasQueryValue("token") == isThere)
        #expect(try !get("/token").hasQueryValue("token"))
    }

    @Test("a field is found in any case, trimmed, its repetitions joined")
    func headers() throws {
        let request = try get("/", "X-One: \t a  b \t", "x-many: 1", "X-Empty:", "X-MANY:2", "X-Text: café")
        #expect(request.header("x-one") == "a  b")
        #expect(request.header("X-ONE") == "a  b")
        #expect(request.header("X-Many") == "1, 2")
        #expect(request.header("x-empty") == "")
        #expect(request.header("x-text") == "café")
        #expect(request.header("x-on") == nil)
        #expect(request.header("x_one") == nil)
        #expect(request.header("") == nil)
    }

    @Test("a value that is not UTF-8 is repaired")
    func latin1() throws {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nName: caf".utf8) + [0xE9] + Array("\r\n\r\n".utf8)
        #expect(Outcome(of: [bytes]).requests.first?.header("name") == "caf\u{FFFD}")
    }

    @Test(
        "a list is searched for an element",
        arguments: [
            ("upgrade", true), ("keep-alive, Upgrade", true), ("UPGRADE ,x", true), (",, upgrade,", true),
            ("keep-alive\r\nConnection: upgrade", true), ("upgrades", false), ("up grade", false), ("", false),
            ("x-upgrade", false), ("\"upgrade\"", false),
        ])
    func lists(value: String, isListed: Bool) throws {
        #expect(try get("/", "Connection: " + value).lists("upgrade", in: "connection") == isListed)
    }

    @Test(
        "a connection is kept as the version and the Connection field say",
        arguments: [
            ("1.1", "", true), ("1.1", "Connection: close\r\n", false), ("1.1", "Connection: x, CLOSE\r\n", false),
            ("1.1", "Connection: keep-alive\r\n", true), ("1.0", "", false),
            ("1.0", "Connection: Keep-Alive\r\n", true),
            ("1.0", "Connection: keep-alive, close\r\n", false), ("1.0", "Connection: x\r\n", false),
        ])
    func keepAlive(version: String, field: String, isKept: Bool) throws {
        let request = try request("GET / HTTP/\(version)\r\nHost: a\r\n\(field)\r\n")
        #expect(request.keepAlive == isKept)
        #expect(request.isHTTP10 == (version == "1.0"))
    }

    @Test(
        "a content type is cut to its media type",
        arguments: [
            ("application/json", "application/json"), ("Application/JSON ; charset=utf-8", "application/json"),
            ("text/plain;a=b;c=d", "text/plain"), ("", ""),
        ])
    func contentType(value: String, type: String) throws {
        #expect(try get("/", "Content-Type: " + value).contentType == type)
        #expect(try get("/").contentType == nil)
    }

    @Test("any token is a method", arguments: ["GET", "get", "PATCH", "M-SEARCH", "A!#$%&'*+-.^_`|~9"])
    func methods(name: String) throws {
        #expect(try request("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n").method == Method(name))
    }
}
