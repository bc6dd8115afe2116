internal import CLibuv

/// An IP address and a port: what a server listens on.
@safe package struct SocketAddress: Sendable, Equatable, CustomStringConvertible {
    /// As numbers, such as `127.0.0.1` or `::1`.
    package let host: String
    package let port: UInt16

    /// Reads `HOST:PORT`; an IPv6 host stands in brackets, and `localhost` means `127.0.0.1`.
    ///
    /// - Returns: `nil` when the text is no such address. Names other than `localhost` are not resolved.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(digits: text[text.index(after: colon)...]) else {
            return nil
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        } else if host == "localhost" {
            host = "127.0.0.1"
        }
        self.init(host: host, port: port)
        if unsafe withSocketAddress({ _ in true }) == nil { return nil }
    }

    private init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package var isLoopback: Bool { Self.isLoopback(host) }

    /// Whether a host, as ``host`` writes it, is this machine and nobody else.
    package static func isLoopback(_ host: String) -> Bool { host == "::1" || host.hasPrefix("127.") }

    /// The host as URLs write it: an IPv6 address in brackets.
    package var hostInURL: String { host.contains(":") ? "[\(host)]" : host }

    package var description: String { "\(hostInURL):\(port)" }

    /// The same host with another port.
    func with(port: UInt16) -> SocketAddress { SocketAddress(host: host, port: port) }

    /// Calls `body` with the system's form, unless the host is no IP address.
    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>) -> Result) -> Result? {
        var storage = sockaddr_storage()
        return unsafe withUnsafeMutablePointer(to: &storage) { storage in
            let raw = UnsafeMutableRawPointer(storage)
            let isAddress =
                unsafe uv_ip4_addr(host, Int32(port), raw.assumingMemoryBound(to: sockaddr_in.self)) == 0
                || uv_ip6_addr(host, Int32(port), raw.assumingMemoryBound(to: sockaddr_in6.self)) == 0
            return isAddress ? unsafe body(UnsafePointer(raw.assumingMemoryBound(to: sockaddr.self))) : nil
        }
    }

    /// The host part of a system address, as numbers; empty where it has none.
    static func text(of address: sockaddr_storage) -> String {
        unsafe withUnsafePointer(to: address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe text(of: $0) }
        }
    }

    /// The same.
    static func text(of address: UnsafePointer<sockaddr>) -> String {
        if Int32(unsafe address.pointee.sa_family) == AF_INET {
            // The kind that most are of, told with each connection: the C library formats it ten times as slowly.
            let raw = unsafe UnsafeRawPointer(address).assumingMemoryBound(to: sockaddr_in.self)
            return text(ofIPv4: UInt32(bigEndian: unsafe raw.pointee.sin_addr.s_addr))
        }
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard unsafe uv_ip_name(address, buffer.baseAddress!, buffer.count) == 0 else { return "" }
            return unsafe String(cString: buffer.baseAddress!)
        }
    }

    private static func text(ofIPv4 address: UInt32) -> String {
        unsafe String(unsafeUninitializedCapacity: 15) { text in
            var output = unsafe OutputSpan(buffer: text, initializedCount: 0)
            for shift in stride(from: 24, through: 0, by: -8) {
                let number = address >> shift & 0xFF
                if number >= 100 { output.append(UInt8(ascii: "0") + UInt8(number / 100)) }
                if number >= 10 { output.append(UInt8(ascii: "0") + UInt8(number / 10 % 10)) }
                output.append(UInt8(ascii: "0") + UInt8(number % 10))
                if shift > 0 { output.append(UInt8(ascii: ".")) }
            }
            return unsafe output.finalize(for: text)
        }
    }

    static func port(of address: UnsafePointer<sockaddr>) -> UInt16 {
        let raw = unsafe UnsafeRawPointer(address)
        return unsafe UInt16(
            bigEndian: Int32(address.pointee.sa_family) == AF_INET6
                ? raw.assumingMemoryBound(to: sockaddr_in6.self).pointee.sin6_port
                : raw.assumingMemoryBound(to: sockaddr_in.self).pointee.sin_port)
    }
}

extension UInt16 {
    /// Reads digits alone, where `UInt16("+80")` is a number too.
    package init?(digits text: Substring) {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        self.init(text)
    }
}
