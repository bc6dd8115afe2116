import EventLoop

/// Which hosts requests may be for.
///
/// A page whose own name was made to lead here (DNS rebinding) asks for that name in `Host` and names it in `Origin`, so
/// that the two agree. Only the name itself gives it away.
struct Hosts: Sendable {
    /// `nil`: any.
    private let names: Set<String>?

    /// What stands for any host in the configuration.
    static let any = "*"

    /// Where nothing is configured, any name may lead to a server that can be reached from elsewhere: a proxy or the DNS
    /// may know it by names that it does not. What the configuration names elsewhere is served here, too.
    init(_ settings: Configuration) {
        let isOpen = settings.allowedHosts.isEmpty && !settings.listen.isLoopback
        if isOpen || settings.allowedHosts.contains(Self.any) {
            names = nil
            return
        }
        var names = Set(settings.allowedHosts)
        names.insert(settings.listen.hostInURL)
        names.formUnion(settings.dialectRules.compactMap { $0.host.flatMap { Self.name(of: $0) } })
        names.formUnion(
            settings.allowedOrigins.compactMap { $0.split(separator: "/").last.flatMap { Self.name(of: $0) } })
        self.names = names
    }

    /// - Parameter authority: The host that a request is for, with or without a port; `nil` where it names none.
    func allows(_ authority: String?) -> Bool {
        guard let names else { return true }
        guard let authority, let name = Self.name(of: authority) else { return false }
        return names.contains(name) || name == "localhost" || SocketAddress(name + ":0")?.isLoopback == true
    }

    /// The host of an authority in lower case; `nil` where what follows it is no port.
    static func name(of authority: some StringProtocol) -> String? {
        // The colons of an IPv6 address stand in brackets.
        let end = authority.lastIndex(of: "]").map { authority.index(after: $0) } ?? authority.firstIndex(of: ":")
        let name = authority[..<(end ?? authority.endIndex)]
        let port = authority[name.endIndex...]
        guard !name.isEmpty, port.isEmpty || port.first == ":" && UInt16(digits: Substring(port.dropFirst())) != nil
        else { return nil }
        return name.lowercased()
    }

    /// Whether a text can be one of the configuration's: a name or an address, without a port.
    static func isHost(_ text: String) -> Bool {
        if text.hasPrefix("[") { return SocketAddress(text + ":0") != nil }
        return text == any
            || !text.isEmpty
                && text.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
                    case UInt8(ascii: "0")...UInt8(ascii: "9"): true
                    case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
                    default: false
                    }
                }
    }
}
