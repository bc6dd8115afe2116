internal import CLibuv

/// Whom an IP address belongs to, as far as it tells: with IPv4 the address, with IPv6 its first 64 bits, as one customer of
/// a provider has all addresses behind them.
package struct NetworkPrefix: Hashable, Sendable {
    /// The 32 bits of an IPv4 address, however it was written, or the first 64 of another.
    private let bits: UInt64
    private let isIPv4: Bool

    /// Whether it is this machine.
    package var isLoopback: Bool { isIPv4 ? bits >> 24 == 127 : bits == 0 }

    /// - Parameter address: As numbers, such as ``SocketStream/peerAddress`` has it.
    /// - Returns: `nil` where it is none, as with a local socket.
    package init?(_ address: String) {
        var bytes: (UInt64, UInt64) = (0, 0)
        let family = address.utf8.contains(UInt8(ascii: ":")) ? AF_INET6 : AF_INET
        guard unsafe withUnsafeMutableBytes(of: &bytes, { unsafe uv_inet_pton(family, address, $0.baseAddress) }) == 0
        else { return nil }
        let (first, second) = (UInt64(bigEndian: bytes.0), UInt64(bigEndian: bytes.1))
        if family == AF_INET {
            (isIPv4, bits) = (true, first >> 32)
        } else if first == 0, second >> 32 == 0xFFFF {
            (isIPv4, bits) = (true, second & 0xFFFF_FFFF)
        } else {
            (isIPv4, bits) = (false, first)
        }
    }
}
