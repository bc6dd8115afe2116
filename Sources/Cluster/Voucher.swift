/// What a node says of a request that it passes on to another: whom it is from. A header carries it, with a seal that only
/// nodes of the cluster can make; it is good for this request, and for a minute.
package struct Voucher: Equatable, Sendable {
    package static let header = "Switchboard-Forwarded"
    /// Seconds that the clocks of two nodes may differ by, with the way in between.
    package static let lifetime: Int64 = 60

    /// The client's address, as the node that it is connected to knows it; empty where it has none.
    package let address: String

    package init(address: String) { self.address = address }

    /// Why a request is not taken for one of another node.
    package enum Refusal: Error, Equatable {
        case missing, malformed
        /// Not sealed with the cluster's key, or for another request.
        case forged
        /// Sealed by a node whose clock is so many seconds ahead; or this one is behind.
        case stale(Int64)
    }

    /// The value of the header.
    ///
    /// - Parameters:
    ///   - method: And `target`: as in the request line.
    ///   - now: Seconds since 1970.
    ///   - key: The cluster's.
    package func text(method: String, target: String, at now: Int64, key: [UInt8]) -> String {
        let client = address.isEmpty ? "-" : address
        return "1 \(now) \(client) \(Self.seal(method, target, "\(now)", client, key))"
    }

    /// Reads the value of the header.
    package init(_ text: String?, method: String, target: String, at now: Int64, key: [UInt8]) throws(Refusal) {
        guard let text else { throw .missing }
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 4, words[0] == "1", let sealedAt = Int64(words[1]) else { throw .malformed }
        let seal = Self.seal(method, target, String(words[1]), String(words[2]), key)
        guard Digest.isSame(Array(seal.utf8), Array(words[3].utf8)) else { throw .forged }
        guard abs(sealedAt - now) <= Self.lifetime else { throw .stale(sealedAt - now) }
        address = words[2] == "-" ? "" : String(words[2])
    }

    /// None of the parts has a line's end in it.
    private static func seal(
        _ method: String, _ target: String, _ time: String, _ client: String, _ key: [UInt8]
    ) -> String {
        let words = ["forwarded", method, target, time, client].joined(separator: "\n")
        return Digest.hexadecimal(Digest.hmac(words.utf8, key: key))
    }
}
