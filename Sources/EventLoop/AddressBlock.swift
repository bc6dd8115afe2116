internal import CLibuv

/// Whom what comes from an address is put down to: an IPv4 address, or the /64 that an IPv6 address is in, as whoever
/// has one such address usually has the whole of that.
package struct AddressBlock: Hashable, Sendable {
    private enum Kind { case ip4, ip6, none }

    private let kind: Kind
    /// The 32 bits of an IPv4 address, or the first 64 of another.
    private let bits: UInt64

    /// Whether it is that of an address, and not of what has none, such as a local socket: all of these are one.
    package var isOfAddress: Bool { kind != .none }

    /// Whether it is this machine's.
    package var isLoopback: Bool { kind == .ip4 ? bits >> 24 == 127 : kind == .ip6 && bits == 0 }

    /// - Parameter address: As numbers, without a port. An IPv4 address that is written as one of IPv6 is the same.
    package init(_ address: String) {
        var bytes: (UInt64, UInt64) = (0, 0)
        let (is4, is6) = unsafe withUnsafeMutableBytes(of: &bytes) { bytes in
            if unsafe uv_inet_pton(AF_INET, address, bytes.baseAddress) == 0 { return (true, false) }
            return unsafe (false, uv_inet_pton(AF_INET6, address, bytes.baseAddress) == 0)
        }
        let (first, second) = (UInt64(bigEndian: bytes.0), UInt64(bigEndian: bytes.1))
        (kind, bits) =
            if is4 {
                (.ip4, first >> 32)
            } else if !is6 {
                (.none, 0)
            } else if first == 0, second >> 32 == 0xFFFF {
                (.ip4, second & 0xFFFF_FFFF)
            } else {
                (.ip6, first)
            }
    }
}
