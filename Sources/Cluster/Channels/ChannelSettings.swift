package import Redis

/// What a Django channel layer is configured with (`channels_redis.core.RedisChannelLayer`): Switchboard must be told the
/// same.
package struct ChannelSettings: Sendable {
    /// The hosts, in the same order.
    package var hosts: [RedisURL]
    package var prefix = "asgi"
    /// Messages that may wait in Switchboard's channel before a sender drops more.
    package var capacity = 100
    /// How long one of them is kept.
    package var expiry = Duration.seconds(60)
    /// How long a channel stays in a group.
    package var groupExpiry = Duration.seconds(86_400)
    package var encryptionKeys: [String] = []
    /// Bytes in one message, and in what is said in it.
    package var maximumMessage = 1 << 20, maximumText = 16_384

    package init(hosts: [RedisURL]) { self.hosts = hosts }

    /// A key of a channel, without what is behind the "!".
    func key(ofChannel channel: String) -> String { prefix + channel }

    func key(of group: ChannelGroup) -> String { "\(prefix):group:\(group.name)" }

    /// The host that a group or a channel is on: by its CRC-32, of which the lowest 12 bits are dealt out evenly.
    func host(of name: String) -> Int {
        if hosts.count == 1 { return 0 }
        return Int(Double(CRC32.of(name) & 0xFFF) / (4096 / Double(hosts.count)))
    }
}
