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
}
