import Testing

@testable import Cluster

/// A request that a node passes on, as the other one reads its voucher.
private func read(
    _ text: String?, method: String = "POST", target: String = "/socket.io/?sid=x", at now: Int64 = 1_800_000_000,
    key: [UInt8] = key
) throws(Voucher.Refusal) -> String {
    try Voucher(text, method: method, target: target, at: now, key: key).address
}

private let key = [UInt8](repeating: 7, count: 32)
private let text = Voucher(address: "2001:db8::1")
    .text(method: "POST", target: "/socket.io/?sid=x", at: 1_800_000_000, key: key)

@Suite struct VoucherTests {
    @Test("it says whom a request is from")
    func address() throws {
        #expect(try read(text) == "2001:db8::1")
        let nobody = Voucher(address: "").text(method: "GET", target: "/", at: 5, key: key)
        #expect(try read(nobody, method: "GET", target: "/", at: 5) == "")
    }

    @Test("it is good for a minute, whichever clock is ahead", arguments: [-61, -60, 0, 60, 61] as [Int64])
    func time(_ seconds: Int64) throws {
        if abs(seconds) <= 60 {
            #expect(try read(text, at: 1_800_000_000 + seconds) == "2001:db8::1")
        } else {
            #expect(throws: Voucher.Refusal.stale(-seconds)) { try read(text, at: 1_800_000_000 + seconds) }
        }
    }

    @Test("it is good for its request and its cluster only")
    func request() {
        #expect(throws: Voucher.Refusal.forged) { try read(text, method: "GET") }
        #expect(throws: Voucher.Refusal.forged) { try read(text, target: "/socket.io/?sid=y") }
        #expect(throws: Voucher.Refusal.forged) { try read(text, key: [UInt8](repeating: 8, count: 32)) }
    }

    @Test("no part of it can be changed", arguments: text.indices)
    func tampering(_ index: String.Index) {
        var other = text
        other.replaceSubrange(index...index, with: text[index] == "0" ? "1" : "0")
        #expect(throws: Voucher.Refusal.self) { try read(other) }
    }

    @Test(
        "what is none is refused", arguments: ["", "1", "1 2 3", "1  2 3", "a b c d", "2 1800000000 - 00", "1 x - 00"])
    func malformed(_ text: String) {
        #expect(throws: Voucher.Refusal.malformed) { try read(text) }
        #expect(throws: Voucher.Refusal.missing) { try read(nil) }
    }
}
