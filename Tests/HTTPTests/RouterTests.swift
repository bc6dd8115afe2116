import HTTP
import Testing

@Suite struct RouterTests {
    private let router: Router<String> = {
        var router = Router<String>()
        for (method, pattern) in [
            (.get, "/"), (.get, "/healthz"), (.post, "/api/auth/login/"), (.get, "/api/users/"), (.post, "/api/users"),
            (.get, "/api/users/{id}"), (.delete, "/api/users/{id}/"), (.get, "/api/users/me/"),
            (.post, "/api/notifications/{id}/read/"), (.get, "/api/{kind}/{id}/log"), (.get, "/files/{name}"),
            (.head, "/files/{name}"), (.get, "/a/{x}/c"), (.get, "/a/b/d"),
        ] as [(Method, String)] {
            router.add(method, pattern, "\(method.name) \(pattern)")
        }
        return router
    }()

    private func describe(_ match: Router<String>.Match) -> String {
        switch match {
        case .found(let endpoint, let parameters): ([endpoint] + parameters).joined(separator: " | ")
        case .methodNotAllowed(let allow): "405 " + allow.joined(separator: ", ")
        case .notFound: "404"
        }
    }

    @Test(
        "a path finds its route",
        arguments: [
            ("GET", "/", "GET /"),
            ("GET", "/healthz", "GET /healthz"),
            ("GET", "/healthz/", "GET /healthz"),
            ("GET", "/%68ealthz", "GET /healthz"),
            ("POST", "/api/auth/login", "POST /api/auth/login/"),
            ("GET", "/api/users/7", "GET /api/users/{id} | 7"),
            ("DELETE", "/api/users/7", "DELETE /api/users/{id}/ | 7"),
            ("POST", "/api/notifications/501/read", "POST /api/notifications/{id}/read/ | 501"),
            // Literals first, parameters where the literal leads nowhere or lacks the method.
            ("GET", "/api/users/me", "GET /api/users/me/"),
            ("DELETE", "/api/users/me", "DELETE /api/users/{id}/ | me"),
            ("GET", "/api/users/7/log/", "GET /api/{kind}/{id}/log | users | 7"),
            ("GET", "/a/b/c", "GET /a/{x}/c | b"),
            ("GET", "/a/b/d", "GET /a/b/d"),
            // Segments are decoded after the split.
            ("GET", "/files/a%2Fb", "GET /files/{name} | a/b"),
            ("GET", "/files/caf%C3%A9+%20", "GET /files/{name} | café+ "),
            // HEAD is GET unless it is registered.
            ("HEAD", "/healthz", "GET /healthz"),
            ("HEAD", "/files/x", "HEAD /files/{name} | x"),
            // Other methods.
            ("POST", "/healthz", "405 GET, HEAD"),
            ("get", "/healthz", "405 GET, HEAD"),
            ("PUT", "/api/users/", "405 GET, HEAD, POST"),
            ("PUT", "/api/users/me/", "405 DELETE, GET, HEAD"),
            ("HEAD", "/api/auth/login/", "405 POST"),
            // Nothing there.
            ("GET", "/nothing", "404"),
            ("GET", "/healthz/x", "404"),
            ("GET", "/api", "404"),
            ("GET", "/api/users/7/read/", "404"),
            ("GET", "/Healthz", "404"),
            ("GET", "//healthz", "404"),
            ("GET", "/healthz//", "404"),
            ("GET", "//", "404"),
            ("GET", "/files/", "404"),
            ("GET", "/files//", "404"),
            ("GET", "/files/%", "GET /files/{name} | %"),
            ("GET", "/files/%FF", "GET /files/{name} | %FF"),
            ("GET", "/files/a/b", "404"),
            ("GET", "/files%2Fa", "404"),
            ("GET", "", "404"),
            ("GET", "healthz", "404"),
            ("OPTIONS", "*", "404"),
        ])
    func routes(method: String, path: String, outcome: String) {
        #expect(describe(router.match(method: Method(method), path: path)) == outcome)
    }

    @Test("a request is matched by its path as it was sent")
    func requests() throws {
        #expect(describe(router.match(try get("/files/a%2Fb?c"))) == "GET /files/{name} | a/b")
        #expect(describe(router.match(try get("http://b/healthz"))) == "GET /healthz")
        #expect(describe(Router<String>().match(try get("/"))) == "404")
    }
}
