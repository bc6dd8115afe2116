import EventLoop
import Testing

@testable import Server

/// The rule of INTEROP.md, Authentication.
@Suite struct OriginsTests {
    private static let host = "chat.example.org:8000"
    private static let allowed = ["https://app.example.org", "http://intranet:3000"]

    private func origins(_ allowed: [String] = [], isLoopback: Bool) -> Origins {
        var settings = Configuration()
        settings.allowedOrigins = allowed
        settings.allowedHosts = [Hosts.any]
        if !isLoopback { settings.listen = SocketAddress("0.0.0.0:8000")! }
        return Origins(settings)
    }

    private func allows(_ origin: String?, isLoopback: Bool, host: String? = Self.host) -> Bool {
        origins(Self.allowed, isLoopback: isLoopback).allows(origin, host: host)
    }

    @Test(
        "let in wherever the server listens: no origin, the own host, the configured list",
        arguments: [
            nil, "http://chat.example.org:8000", "https://chat.example.org:8000", "https://CHAT.Example.ORG:8000",
            "https://app.example.org", "HTTPS://App.Example.org", "http://intranet:3000",
        ] as [String?], [true, false])
    func always(_ origin: String?, _ isLoopback: Bool) {
        #expect(allows(origin, isLoopback: isLoopback))
    }

    @Test(
        "let in on loopback only: this machine, with any port",
        arguments: [
            "http://localhost", "http://localhost:3000", "https://localhost:5173", "http://LOCALHOST:3000",
            "http://127.0.0.1", "http://127.0.0.1:8080", "http://[::1]", "https://[::1]:65535",
        ])
    func development(_ origin: String) {
        #expect(allows(origin, isLoopback: true))
        #expect(!allows(origin, isLoopback: false))
    }

    @Test(
        "never let in",
        arguments: [
            "", "null", "https://evil.example", "http://app.example.org", "https://app.example.org:444",
            "https://app.example.org.evil.example", "https://chat.example.org",
            "https://chat.example.org:8000.evil.example",
            "http://intranet", "http://localhost.evil.example", "http://localhost:", "http://localhost:65536",
            "http://localhost:3000.evil.example", "http://localhost@evil.example", "http://127.0.0.1.evil.example",
            "http://127.0.0.2", "http://[::1].evil.example", "file://localhost", "ws://localhost", "localhost",
            "http://",
        ], [true, false])
    func never(_ origin: String, _ isLoopback: Bool) {
        #expect(!allows(origin, isLoopback: isLoopback))
    }

    @Test("the own host has one scheme, where the request's is known", arguments: ["http", "https"])
    func schemes(_ scheme: String) {
        let origins = origins(isLoopback: false)
        for (host, origin) in [("a.example", "a.example"), ("a.example:8000", "a.example:8000")] {
            #expect(origins.allows("\(scheme)://\(origin)", host: host, isSecure: scheme == "https"))
            #expect(!origins.allows("\(scheme)://\(origin)", host: host, isSecure: scheme != "https"))
            #expect(origins.allows("\(scheme)://\(origin)", host: host, isSecure: nil))
        }
    }

    @Test("a scheme's own port may be written or left out")
    func ports() {
        let origins = origins(isLoopback: false)
        #expect(origins.allows("https://a.example", host: "a.example:443"))
        #expect(origins.allows("https://a.example:443", host: "a.example"))
        #expect(origins.allows("http://a.example", host: "a.example:80"))
        #expect(!origins.allows("http://a.example", host: "a.example:443"))
        #expect(!origins.allows("https://a.example", host: "a.example:80"))
    }

    @Test("pages of this machine are not those of somebody behind a proxy")
    func forwarded() {
        let origins = origins(["http://localhost:4000"], isLoopback: true)
        #expect(origins.allows("http://localhost:3000", host: "x", isForwarded: false))
        #expect(!origins.allows("http://localhost:3000", host: "x", isForwarded: true))
        #expect(origins.allows("http://localhost:4000", host: "x", isForwarded: true))
        #expect(origins.allows("http://x", host: "x", isForwarded: true))
    }

    @Test("the host is compared in upper or lower case, and may be missing")
    func hosts() {
        #expect(allows("http://chat.example.org", isLoopback: false, host: "Chat.Example.org"))
        #expect(!allows("http://chat.example.org", isLoopback: false, host: nil))
        #expect(!allows("http://", isLoopback: false, host: nil))
    }
}

extension Origins {
    fileprivate func allows(_ origin: String?, host: String?, isSecure: Bool? = nil, isForwarded: Bool = false) -> Bool
    {
        allows(Question(origin: origin, host: host, isSecure: isSecure, isForwarded: isForwarded))
    }
}
