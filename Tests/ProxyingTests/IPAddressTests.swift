import Proxying
import Testing

@Suite struct IPAddressTests {
    @Test(
        "addresses are read, and shown in one way",
        arguments: [
            ("0.0.0.0", "0.0.0.0"), ("192.0.2.1", "192.0.2.1"), ("255.255.255.255", "255.255.255.255"),
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"),
            ("2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("1:0:0:4:5:6:7:8", "1::4:5:6:7:8"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
            ("1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
            ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("fe80::", "fe80::"),
        ])
    func good(_ text: String, _ shown: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == shown)
        #expect(IPAddress(shown) == address)
    }

    @Test(
        "anything else is none",
        arguments: [
            "", ".", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "01.2.3.4", "1.2.3.-4", "1.2.3.4 ", " 1.2.3.4",
            "1..3.4",
            "0x1.2.3.4", "1.2.3.a", "1.2.3.4:80", ":", ":::", "1:", ":1", "1::2::3", "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "g::", "::1%eth0", "[::1]", "::1.2.3", "1.2.3.4::",
            "::1.2.3.4:5", "::1.2.3.4.5", "localhost", "unknown", "-1::", "1:2:3:4:5:6:7:1.2.3.4",
        ])
    func bad(_ text: String) { #expect(IPAddress(text) == nil) }

    @Test("loopback", arguments: ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"])
    func loopback(_ text: String) throws { #expect(try #require(IPAddress(text)).isLoopback) }

    @Test("not loopback", arguments: ["128.0.0.1", "0.0.0.0", "::", "::2", "10.0.0.1", "::127.0.0.1"])
    func elsewhere(_ text: String) throws { #expect(try !#require(IPAddress(text)).isLoopback) }
}

@Suite struct AddressBlockTests {
    @Test(
        "an address is within a block or not",
        arguments: [
            ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false), ("0.0.0.0/0", "9.9.9.9", true),
            ("0.0.0.0/0", "2001:db8::1", false), ("::/0", "2001:db8::1", true), ("::/0", "9.9.9.9", true),
            ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("192.0.2.1/32", "192.0.2.1", true),
            ("192.0.2.0/31", "192.0.2.1", true), ("192.0.2.0/31", "192.0.2.2", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
            ("::1/128", "::1", true),
            ("::1", "::2", false), ("::ffff:0:0/96", "8.8.8.8", true),
        ])
    func contains(_ block: String, _ address: String, _ isWithin: Bool) throws {
        #expect(try #require(AddressRange(block)).contains(#require(IPAddress(address))) == isWithin)
    }

    @Test(
        "blocks are shown as they are written",
        arguments: ["10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32", "::1", "192.0.2.1"])
    func shown(_ text: String) throws { #expect(try #require(AddressRange(text)).description == text) }

    @Test(
        "what is no block",
        arguments: [
            "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.1/8",
            "::1/64",
            "::/129", "10.0.0.0/ 8", "example.org/8", "10.0.0.0/0008",
        ])
    func bad(_ text: String) { #expect(AddressRange(text) == nil) }
}

@Suite struct TrustedProxiesTests {
    private static let trusted = ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]

    private func client(_ peer: String, _ forwardedFor: String) throws -> String {
        let proxies = TrustedProxies(try Self.trusted.map { try #require(AddressRange($0)) })
        return proxies.client(behind: try #require(IPAddress(peer)), forwardedFor: forwardedFor).description
    }

    @Test(
        "the right-most address that is no trusted proxy's counts",
        arguments: [
            ("10.0.0.1", "203.0.113.9", "203.0.113.9"), ("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "1.1.1.1,203.0.113.9, 10.0.0.2 ,\t192.0.2.1", "203.0.113.9"),
            ("10.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9"), ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("2001:db8::1", "2001:db9::7", "2001:db9::7"), ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"), ("10.0.0.1", "[2001:db9::7]:443", "2001:db9::7"),
            ("10.0.0.1", "[2001:db9::7]", "2001:db9::7"),
        ])
    func found(_ peer: String, _ forwardedFor: String, _ client: String) throws {
        #expect(try self.client(peer, forwardedFor) == client)
    }

    @Test(
        "a peer that is not trusted speaks for itself only",
        arguments: ["203.0.113.1", "127.0.0.1", "192.0.2.2", "::1"])
    func untrusted(_ peer: String) throws { #expect(try client(peer, "198.51.100.1") == peer) }

    @Test(
        "where an entry is no address, the proxy that wrote it counts",
        arguments: [
            "", " ", ",", "unknown", "_hidden", "203.0.113.9,", "203.0.113.9, x", "203.0.113.9:", "203.0.113.9:x",
            "[2001:db9::7",
            "[203.0.113.9]", "203.0.113.9:123456", "[2001:db9::7]x", "[2001:db9::7]:", ":80", "[]", "1.1.1.1 2.2.2.2",
        ])
    func noAddress(_ forwardedFor: String) throws { #expect(try client("10.0.0.1", forwardedFor) == "10.0.0.1") }

    @Test("nobody is trusted where nobody was named")
    func nobody() throws {
        let peer = try #require(IPAddress("10.0.0.1"))
        #expect(TrustedProxies().client(behind: peer, forwardedFor: "203.0.113.9") == peer)
    }
}
