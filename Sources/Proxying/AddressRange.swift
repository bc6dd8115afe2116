/// All addresses that begin alike, or one alone: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`.
package struct AddressRange: Equatable, Sendable, CustomStringConvertible {
    private let first: IPAddress
    /// How many of the 128 bits are the same in all.
    private let length: Int

    /// - Returns: `nil` too where bits behind the prefix are set: whoever writes `10.1.2.3/8` may mean something else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = IPAddress(parts[0]) else { return nil }
        self.first = first
        let width = parts[0].contains(":") ? 128 : 32
        if parts.count == 1 {
            length = 128
            return
        }
        guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let prefix = Int(parts[1]), prefix <= width
        else { return nil }
        length = 128 - width + prefix
        if first.bits & ~mask != 0 { return nil }
    }

    private var mask: UInt128 { length == 0 ? 0 : ~0 << (128 - length) }

    package func contains(_ address: IPAddress) -> Bool { address.bits & mask == first.bits }

    package var description: String {
        if length == 128 { return first.description }
        return "\(first)/\(first.v4 == nil ? length : length - 96)"
    }
}

/// Proxies whose word is taken for whom they speak for.
package struct TrustedProxies: Equatable, Sendable {
    package let blocks: [AddressRange]

    package init(_ blocks: [AddressRange] = []) { self.blocks = blocks }

    package var isEmpty: Bool { blocks.isEmpty }

    package func contains(_ address: IPAddress) -> Bool { blocks.contains { $0.contains(address) } }

    /// Whom a request is from: each proxy appends whom it got the request from, so that the last address that is not a
    /// trusted proxy's counts; what stands before it anybody can have written.
    ///
    /// - Parameters:
    ///   - peer: Who is at the other end of the connection.
    ///   - forwardedFor: The values of `X-Forwarded-For`, joined by commas. Where an entry is no address, the search ends
    ///     with the proxy that wrote it.
    package func client(behind peer: IPAddress, forwardedFor: String) -> IPAddress {
        var client = peer
        for entry in forwardedFor.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).reversed()
        {
            guard contains(client), let address = Self.address(Substring(entry)) else { break }
            client = address
        }
        return client
    }

    /// An address as proxies write it: some add the port, and brackets for that.
    private static func address(_ entry: Substring) -> IPAddress? {
        let text = entry.drop { $0 == " " || $0 == "\t" }
        let end = text.lastIndex { $0 != " " && $0 != "\t" }
        guard let end else { return nil }
        let trimmed = text[...end]
        if trimmed.first == "[" {
            guard let close = trimmed.firstIndex(of: "]") else { return nil }
            let rest = trimmed[trimmed.index(after: close)...]
            let inner = trimmed[trimmed.index(after: trimmed.startIndex)..<close]
            return inner.contains(":") && (rest.isEmpty || isPort(rest)) ? IPAddress(inner) : nil
        }
        if let colon = trimmed.firstIndex(of: ":"), trimmed.contains(".") && !trimmed[..<colon].isEmpty,
            trimmed[..<colon].contains(".")
        {
            return isPort(trimmed[colon...]) ? IPAddress(trimmed[..<colon]) : nil
        }
        return IPAddress(trimmed)
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.first == ":" && (2...6).contains(text.utf8.count)
            && text.dropFirst().utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}
