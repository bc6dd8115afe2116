import EventLoop
import Testing

@Suite struct NetworkPrefixTests {
    @Test(
        "these are one",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8::1", "2001:db8::ffff:2"),
            ("2001:db8:0:0:1::", "2001:0DB8::"), ("fe80::1%lo", "fe80::2"),
        ])
    func same(_ one: String, _ other: String) throws {
        #expect(try #require(NetworkPrefix(one)) == #require(NetworkPrefix(other)))
    }

    @Test(
        "these are two",
        arguments: [
            ("192.0.2.1", "192.0.2.2"), ("2001:db8::", "2001:db8:0:1::"), ("0.0.0.1", "::1"), ("1.2.3.4", "::102:304"),
        ])
    func different(_ one: String, _ other: String) throws {
        #expect(try #require(NetworkPrefix(one)) != #require(NetworkPrefix(other)))
    }

    @Test(
        "what is no address has none",
        arguments: ["", "localhost", "192.0.2", "192.0.2.256", "1.2.3.4:80", ":", "[::1]"])
    func none(_ text: String) {
        #expect(NetworkPrefix(text) == nil)
    }

    @Test(
        "this machine is known",
        arguments: [
            ("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("::ffff:127.0.0.1", true), ("128.0.0.1", false),
            ("2001:db8::1", false), ("10.0.0.1", false),
        ])
    func loopback(_ address: String, _ isLoopback: Bool) throws {
        #expect(try #require(NetworkPrefix(address)).isLoopback == isLoopback)
    }
}
