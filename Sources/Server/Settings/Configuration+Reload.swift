extension Setting {
    /// Whether a running server takes it over when it reads its configuration again, for what begins from then on. The
    /// others are built into what exists since the start: sockets, threads, queues, keys, what clients were told.
    var isLive: Bool { Self.live.contains(name) }

    private static let live: Set<String> = [
        "tls_certificate", "tls_key", "hsts", "trusted_proxies", "proxy_protocol", "log_level", "allowed_origins",
        "allowed_hosts", "dialect_rules", "anonymous", "anonymous_notifications", "api_keys", "token_failures",
        "metrics",
        "bulk_rate", "rooms_rate", "rooms_burst", "erp_offline_notice", "head_timeout", "body_timeout",
        "keepalive_timeout", "connect_timeout", "recovery_log", "drain_time", "shutdown_timeout", "max_body",
        "max_unconnected", "max_text", "history_limit", "max_connections", "connections_per_address", "limit_loopback",
        "connections_per_person", "handshake_rate", "handshake_burst", "message_rate", "message_burst",
        "store_patience",
    ]
}

/// What becomes of a configuration that was read again.
struct Reload {
    /// What is in force from now on.
    private(set) var settings: Configuration
    /// The names of the settings that changed, and of those that wait for the next start.
    private(set) var changed: [String] = []
    private(set) var waiting: [String] = []

    /// - Parameters:
    ///   - current: What is in force.
    ///   - wanted: What the configuration says now.
    init(_ current: Configuration, wanted: Configuration) {
        settings = current
        // Other certificates are taken over, but a port that speaks TLS goes on to, and one that does not never will.
        let keepsTLS = current.tlsCertificates.isEmpty == wanted.tlsCertificates.isEmpty
        for setting in Setting.all where !setting.isSame(current, wanted) {
            if setting.isLive, keepsTLS || !setting.name.hasPrefix("tls_") {
                setting.copy(wanted, &settings)
                changed.append(setting.name)
            } else {
                waiting.append(setting.name)
            }
        }
    }
}
