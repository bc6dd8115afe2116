import EventLoop
import Testing

@testable import Server

@Suite struct HostsTests {
    private func allows(_ host: String?, _ listen: String = "127.0.0.1:8000", _ allowed: [String] = []) -> Bool {
        var settings = Configuration()
        settings.listen = SocketAddress(listen)!
        settings.allowedHosts = allowed
        settings.allowedOrigins = ["https://app.example.org", "http://intranet:3000"]
        settings.dialectRules = [DialectRule("chat.example.org=campus")!]
        return Hosts(settings).allows(host)
    }

    @Test(
        "on loopback: this machine, and what the configuration names, with any port",
        arguments: [
            "localhost", "LocalHost:8000", "127.0.0.1:8000", "127.0.0.1", "127.8.9.1:1", "[::1]:8000", "[::1]",
            "app.example.org", "APP.example.org:444", "intranet", "chat.example.org:8000",
        ])
    func loopback(_ host: String) {
        #expect(allows(host))
        #expect(allows(host, "[::1]:8000"))
        #expect(allows(host, "0.0.0.0:80", ["other.example.org"]))
    }

    @Test(
        "on loopback: nobody else",
        arguments: [
            nil, "", ":8000", "evil.example", "evil.example:8000", "x.app.example.org", "localhost.evil.example",
            "localhost:", "localhost:99999", "localhost:80:80", "localhost:8000x", "127.0.0.1.evil.example",
            "128.0.0.1",
            "127.0.0.256", "127.1", "[::1", "::1", "[::2]", "[::1].evil.example", "[::1]x:80", "[127.0.0.1]",
            "localhost.",
            "*", "app.example.org,localhost",
        ] as [String?])
    func strangers(_ host: String?) {
        #expect(!allows(host))
        #expect(!allows(host, "0.0.0.0:80", ["other.example.org"]))
        #expect(allows(host, "127.0.0.1:80", ["*"]))
    }

    @Test("beyond loopback any, unless some are named; the own address always", arguments: ["evil.example", nil])
    func beyond(_ host: String?) {
        #expect(allows(host, "0.0.0.0:80"))
        #expect(!allows(host, "192.0.2.1:80", ["other.example.org"]))
        #expect(allows("192.0.2.1:80", "192.0.2.1:80", ["other.example.org"]))
        #expect(allows("[2001:db8::1]:80", "[2001:db8::1]:80", ["other.example.org"]))
        #expect(allows("Other.example.org:8000", "0.0.0.0:80", ["other.example.org"]))
    }

    @Test("a configured host is a name or an address, without a port")
    func configured() {
        for host in ["*", "chat.example.org", "a_b", "192.0.2.1", "[2001:db8::1]"] { #expect(Hosts.isHost(host)) }
        for host in ["", "a b", "chat.example.org:80", "https://a", "a/b", "[::1", "[x]", "*.example.org"] {
            #expect(!Hosts.isHost(host))
        }
    }
}
