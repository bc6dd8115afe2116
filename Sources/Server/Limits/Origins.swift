import EventLoop

/// Which pages may use the server from a browser (INTEROP.md, Authentication).
struct Origins: Sendable {
    private let allowed: Set<String>
    private let allowsDevelopmentServers: Bool
    let hosts: Hosts

    /// While the server listens on loopback only, any port of this machine may.
    init(_ settings: Configuration) {
        allowed = Set(settings.allowedOrigins)
        allowsDevelopmentServers = settings.listen.isLoopback
        hosts = Hosts(settings)
    }

    /// What is asked for a request of a page.
    struct Question: Equatable {
        /// The `Origin` header; clients that are no browsers send none, and are let through.
        let origin: String?
        /// The host that the request is for.
        let host: String?
        /// Whether the request came by TLS, so that only pages that did are of the own host; `nil`: not known.
        var isSecure: Bool?
        /// Whether a proxy speaks for the client, so that it may be from anywhere.
        var isForwarded = false
    }

    func allows(_ question: Question) -> Bool {
        guard let origin = question.origin?.lowercased() else { return true }
        if allowed.contains(origin) { return true }
        guard let scheme = ["http://", "https://"].first(where: { origin.hasPrefix($0) }) else { return false }
        let authority = origin.dropFirst(scheme.count)
        if let host = question.host, hosts.allows(host),
            Self.withoutDefaultPort(authority, scheme) == Self.withoutDefaultPort(host.lowercased()[...], scheme),
            question.isSecure ?? (scheme == "https://") == (scheme == "https://")
        {
            return true
        }
        return allowsDevelopmentServers && !question.isForwarded && Self.isThisMachine(String(authority))
    }

    /// Browsers leave the scheme's own port out, some proxies write it.
    private static func withoutDefaultPort(_ authority: Substring, _ scheme: String) -> Substring {
        let port = scheme == "https://" ? ":443" : ":80"
        return authority.hasSuffix(port) ? authority.dropLast(port.count) : authority
    }

    /// Whether a host, with or without a port, is this machine by any resolver.
    static func isThisMachine(_ authority: String) -> Bool {
        ["localhost", "127.0.0.1", "[::1]"].contains { name in
            guard authority.lowercased().hasPrefix(name) else { return false }
            let rest = authority.dropFirst(name.count)
            return rest.isEmpty || rest.first == ":" && UInt16(digits: rest.dropFirst()) != nil
        }
    }
}
