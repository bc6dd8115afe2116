internal import CLibuv

/// Whom what comes from an address is put down to: an IPv4 address, or the /64 that an IPv6 address is in, as whoever
/// has one such address usually has the whole of that.
package struct AddressBlock: Hashable, Sendable {
    private enum Content: Hashable {
        case ip4(UInt32)
        case ip6(UInt64)
        /// No address, such as that of a local socket.
        case other(String)
    }

    private let content: Content

    /// - Parameter address: As numbers, without a port. An IPv4 address that is written as one of IPv6 is the same.
    package init(_ address: String) {
        if let bytes = Self.bytes(of: address, family: AF_INET, count: 4) {
            content = .ip4(UInt32(truncatingIfNeeded: Self.number(bytes)))
        } else if let bytes = Self.bytes(of: address, family: AF_INET6, count: 16) {
            let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
            content =
                isMapped ? .ip4(UInt32(truncatingIfNeeded: Self.number(bytes[12...]))) : .ip6(Self.number(bytes[..<8]))
        } else {
            content = .other(address)
        }
    }

    private static func bytes(of address: String, family: Int32, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = unsafe bytes.withUnsafeMutableBytes { unsafe uv_inet_pton(family, address, $0.baseAddress!) }
        return result == 0 ? bytes : nil
    }

    private static func number(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}
