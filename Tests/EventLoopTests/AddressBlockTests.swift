import EventLoop
import Testing

@Suite struct AddressBlockTests {
    @Test(
        "the same",
        arguments: [
            ("192.0.2.1", "::ffff:192.0.2.1"), ("192.0.2.1", "::ffff:c000:201"), ("2001:db8::1", "2001:db8::2"),
            ("2001:db8::1", "2001:DB8:0:0:ffff::"), ("::1", "::2"), ("", ""), ("fe80::1%lo", "fe80::2"),
        ])
    func same(one: String, other: String) { #expect(AddressBlock(one) == AddressBlock(other)) }

    @Test(
        "not the same",
        arguments: [
            ("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1"), ("", "192.0.2.1"), ("::1", "0.0.0.0"),
            ("::ffff:192.0.2.1", "::fffe:192.0.2.1"), ("::192.0.2.1", "192.0.2.1"),
        ])
    func different(one: String, other: String) { #expect(AddressBlock(one) != AddressBlock(other)) }

    @Test(
        "what is no address is one",
        arguments: ["", "localhost", "192.0.2", "192.0.2.256", "1.2.3.4:80", ":", "[::1]"])
    func none(text: String) {
        #expect(!AddressBlock(text).isOfAddress)
        #expect(!AddressBlock(text).isLoopback)
        #expect(AddressBlock(text) == AddressBlock("/run/socket"))
    }

    @Test(
        "this machine is known",
        arguments: [
            ("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("::ffff:127.0.0.1", true), ("128.0.0.1", false),
            ("2001:db8::1", false), ("10.0.0.1", false),
        ])
    func loopback(address: String, isLoopback: Bool) {
        #expect(AddressBlock(address).isOfAddress)
        #expect(AddressBlock(address).isLoopback == isLoopback)
    }
}
