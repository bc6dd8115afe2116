import Chat
import Dialects
import EventLoop
import Proxying
import Redis
import Storage

/// One thing that can be set: by flag (`--rooms-rate`), variable (`SWITCHBOARD_ROOMS_RATE`) or file (`rooms_rate`).
package struct Setting: Sendable {
    /// As the file spells it.
    package let name: String
    /// What values are allowed, in a few words.
    package let allowed: String
    package let help: String
    /// Secrets are not taken from flags, which other users of the machine can read, and never shown.
    package let isSecret: Bool
    /// Takes a value over, or says what is wrong with it.
    let set: @Sendable (inout Configuration, String) -> Mistake?
    package let show: @Sendable (Configuration) -> String
    /// Whether it is a URL with a password in it, which is no more taken from a flag than a secret is.
    let holdsPassword: @Sendable (Configuration) -> Bool
    let isSame: @Sendable (Configuration, Configuration) -> Bool
    /// Takes it over from another configuration.
    let copy: @Sendable (Configuration, inout Configuration) -> Void

    enum Mistake {
        /// None of what is allowed.
        case notAllowed
        case because(String)
    }

    package var flag: String { "--" + name.map { $0 == "_" ? "-" : String($0) }.joined() }
    package var variable: String { "SWITCHBOARD_" + name.uppercased() }

    package static let all: [Setting] = [
        Setting("listen", "IP:PORT", "where to listen; port 0 has the system choose", \.listen, SocketAddress.init(_:)),
        Setting(
            "tls_certificate", "a list of paths", "certificates with their chains, in PEM; the first is the default",
            \.tlsCertificates, show: { $0.joined(separator: ",") }
        ) { paths($0) },
        Setting(
            "tls_key", "a list of paths", "the private keys of the certificates, in the same order", \.tlsKeys,
            show: { $0.joined(separator: ",") }
        ) { paths($0) },
        Setting(
            "hsts", "0s or a duration", "how long browsers come by TLS only (Strict-Transport-Security); 0s: not told",
            \.hsts, show: { $0.shortText }
        ) { Duration(short: $0) },
        Setting(
            "trusted_proxies", "a list such as 127.0.0.1 or 10.0.0.0/8",
            "whose X-Forwarded-For, X-Forwarded-Proto and PROXY headers are believed", \.trustedProxies,
            show: { $0.blocks.map(\.description).joined(separator: ",") }
        ) { text in
            let blocks = list(text).map { AddressRange($0) }
            return blocks.contains(nil) ? nil : TrustedProxies(blocks.compactMap(\.self))
        },
        Setting(
            "proxy_protocol", "true or false", "have connections of trusted proxies start with a PROXY header",
            \.proxyProtocol
        ) { Bool($0) },
        Setting("database", "a path", "the database file; made where it is missing", \.database) {
            $0.isEmpty ? nil : $0
        },
        .channels,
        Setting(
            "channels_prefix", "1 to 100 characters", "what the keys of the channel layer begin with", \.channelsPrefix
        ) { (1...100).contains($0.utf8.count) ? $0 : nil },
        Setting(
            "channels_capacity", "1 to 1000000", "messages that may wait in a channel of the layer", \.channelsCapacity
        ) { number($0, in: 1...1_000_000) },
        Setting("channels_expiry", durations, "how long they may wait", \.channelsExpiry),
        Setting(
            "channels_group_expiry", "2s or a longer duration", "how long a channel stays in a group of the layer",
            \.channelsGroupExpiry, show: { $0.shortText }
        ) { text in Duration(short: text).flatMap { $0 >= .seconds(2) ? $0 : nil } },
        Setting(
            "channels_keys", "a list of keys", "symmetric_encryption_keys of the layer",
            \.channelsKeys, isSecret: true, show: { "\($0.count) set" }
        ) { text in
            let keys = list(text)
            return keys.contains("") ? nil : keys
        },
        .emitters,
        Setting(
            "emitters_key", "1 to 100 characters", "the key of @socket.io/redis-emitter", \.emittersKey
        ) { (1...100).contains($0.utf8.count) ? $0 : nil },
        Setting(
            "emitters_channel", "1 to 100 characters", "the channel of python-socketio's managers", \.emittersChannel
        ) { (1...100).contains($0.utf8.count) ? $0 : nil },
        .bus,
        Setting(
            "bus_prefix", "1 to 100 characters", "what the keys and channels of the cluster begin with", \.busPrefix
        ) { (1...100).contains($0.utf8.count) ? $0 : nil },
        Setting(
            "node_address", "IP:PORT",
            "where the other nodes of the cluster reach this one; port 0 has the system choose",
            \.nodeAddress, SocketAddress.init(_:)),
        .store,
        Setting(
            "store_retry", durations, "how long changes wait for a PostgreSQL that is away before senders get an error",
            \.storeRetry),
        Setting("log_level", "debug, info, warning or error", "what is worth a line", \.logLevel) {
            Log.Level(name: $0)
        },
        Setting(
            "log_format", "auto, text or json", "auto: text on a terminal, JSON lines elsewhere", \.logFormat,
            show: { $0.map { "\($0)" } ?? "auto" }
        ) { ["auto": .some(nil), "text": .text, "json": .json][$0] ?? nil },
        Setting("loops", "0 to 256", "event loops; 0: one for each core", \.loops) { number($0, in: 0...256) },
        Setting(
            "allowed_origins", "a list of origins such as https://app.example.org",
            "who may connect besides the own host",
            \.allowedOrigins, show: { $0.joined(separator: ",") }
        ) { origins($0) },
        Setting(
            "allowed_hosts", "a list of host names such as chat.example.org, or *",
            "hosts that requests may be for; none: those of this machine on loopback, elsewhere any", \.allowedHosts,
            show: { $0.joined(separator: ",") }
        ) { text in
            let hosts = list(text)
            return hosts.allSatisfy { Hosts.isHost($0) } ? hosts.map { $0.lowercased() } : nil
        },
        Setting(
            "dialect_rules", "a list such as chat.example.org=conversations or /ws/chat/=campus",
            "which dialect is spoken by host, by path or both, where paths are shared", \.dialectRules,
            show: { $0.map(\.text).joined(separator: ",") }
        ) { text in
            let rules = list(text).map { DialectRule($0) }
            return rules.contains(nil) ? nil : rules.compactMap(\.self)
        },
        Setting(
            "anonymous", "a list of: \(DialectName.anonymous.map(\.text).joined(separator: " "))",
            "dialects open without a token beyond this machine", \.anonymous,
            show: { $0.map(\.text).sorted().joined(separator: ",") }
        ) { text in
            let names = list(text).map { name in DialectName.anonymous.first { $0.text == name } }
            return names.contains(nil) ? nil : Set(names.compactMap(\.self))
        },
        Setting(
            "anonymous_notifications", "true or false", "let people without a token hear what is for everybody",
            \.anonymousNotifications
        ) { Bool($0) },
        Setting(
            "allow_registration", "true or false", "let anybody make an account for themselves", \.allowRegistration
        ) { Bool($0) },
        Setting(
            "api_keys", "a list of keys of 16 characters or more", "keys for back ends", \.apiKeys,
            isSecret: true, show: { "\($0.count) set" }
        ) { text in
            let keys = list(text)
            return keys.allSatisfy { $0.utf8.count >= 16 } ? keys : nil
        },
        Setting(
            "jwt_secret", "32 bytes or more", "the secret of another login's JWTs (HS256, HS384, HS512)",
            \.jwtSecret, isSecret: true, show: { $0 == nil ? "none" : "set" }
        ) { text in (try? JWTSettings.check(Array(text.utf8), of: "")).map { text } },
        .jwt,
        Setting(
            "token_failures", "0 to 1000000", "tokens that may fail in a minute from one address; 0: any number",
            \.tokenFailures
        ) { number($0, in: 0...1_000_000) },
        Setting("metrics", "true or false", "serve /metrics, on this machine and to administrators", \.metrics) {
            Bool($0)
        },
        Setting(
            "retain_messages", "forever, or a duration of 1d or more", "how long messages are kept", \.retainMessages,
            show: retentionText, retention),
        Setting(
            "retain_notifications", "forever, or a duration of 1d or more", "how long notifications are kept",
            \.retainNotifications, show: retentionText, retention),
        Setting("bulk_rate", "1 to 100000", "people a second that bulk messages serve", \.bulkRate) {
            number($0, in: 1...100_000)
        },
        Setting(
            "rooms_rate", "a number, 0 or more",
            "frames a second from one connection of the rooms dialect; 0: no limit", \.roomsRate.rate
        ) {
            Double($0).flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
        },
        Setting("rooms_burst", "a number, 1 or more", "frames at once from one such connection", \.roomsRate.burst) {
            Double($0).flatMap { $0.isFinite && $0 >= 1 ? $0 : nil }
        },
        Setting(
            "erp_offline_notice", "true or false", "tell erp senders that the recipient is offline", \.erpOfflineNotice
        ) {
            Bool($0)
        },
        Setting("ping_interval", durations, "how often connections are pinged", \.pingInterval),
        Setting("ping_timeout", durations, "how long a ping may stay unanswered", \.pingTimeout),
        Setting("head_timeout", durations, "how long the head of a request may take", \.headTimeout),
        Setting("body_timeout", durations, "how long the body of a request may take", \.bodyTimeout),
        Setting("keepalive_timeout", durations, "how long an HTTP connection may rest", \.keepaliveTimeout),
        Setting("connect_timeout", durations, "how long a Socket.IO client may take to sign in", \.connectTimeout),
        Setting(
            "recovery", "0s or a duration", "how long a Socket.IO client may be away and miss nothing; 0s: no recovery",
            \.recovery, show: { $0.shortText }
        ) { Duration(short: $0) },
        Setting("recovery_log", sizes, "bytes of events kept for that on each loop", \.recoveryLog) {
            number($0, in: 1...1 << 30)
        },
        Setting(
            "drain_time", "0s or a duration", "over how long clients are sent away when the server stops; 0s: at once",
            \.drainTime, show: { $0.shortText }
        ) { Duration(short: $0) },
        Setting("shutdown_timeout", durations, "how long the rest of stopping may take", \.shutdownTimeout),
        Setting("max_body", sizes, "bytes in one HTTP body", \.maxBody) { number($0, in: 1...1 << 30) },
        Setting("max_message", sizes, "bytes in one WebSocket message", \.maxMessage) { number($0, in: 1...1 << 30) },
        Setting("max_payload", sizes, "bytes in one payload of Socket.IO", \.maxPayload) {
            number($0, in: 1...1 << 30)
        },
        Setting(
            "max_unconnected", "1 to 1000000", "Socket.IO clients on each loop that have not signed in",
            \.maxUnconnected
        ) { number($0, in: 1...1_000_000) },
        Setting("deflate", "true or false", "compress messages of clients that offer it", \.deflate) { Bool($0) },
        Setting(
            "deflate_threshold", "0 to 1073741824", "bytes in a message from which it is compressed", \.deflateThreshold
        ) { number($0, in: 0...1 << 30) },
        Setting("deflate_level", "1 to 9", "how hard to compress; 1 is the fastest", \.deflateLevel) {
            number($0, in: 1...9)
        },
        Setting(
            "deflate_context", "true or false", "let messages refer to earlier ones; takes memory for each connection",
            \.deflateContext
        ) { Bool($0) },
        Setting(
            "deflate_window_bits", "9 to 15", "how far back with deflate_context, as a power of two",
            \.deflateWindowBits
        ) {
            number($0, in: 9...15)
        },
        Setting("max_text", "1 to 1048576", "bytes in the text of one direct message", \.maxText) {
            number($0, in: 1...1 << 20)
        },
        Setting("history_limit", "1 to 100000", "messages in one answer to a request for history", \.historyLimit) {
            number($0, in: 1...100_000)
        },
        Setting("send_queue", sizes, "bytes that may wait for one connection", \.sendQueue) {
            number($0, in: 1...1 << 30)
        },
        Setting("store_queue", "1 to 10000000", "changes that may wait for the store", \.storeQueue) {
            number($0, in: 1...10_000_000)
        },
        Setting(
            "store_patience", durations, "how long a message may wait for room there before its sender gets an error",
            \.storePatience),
        Setting(
            "max_connections", counts, "connections in all; 0: as many as there are descriptors for", \.maxConnections
        ) { number($0, in: 0...10_000_000) },
        Setting(
            "connections_per_address", counts, "connections from one address; 0: no limit", \.connectionsPerAddress
        ) { number($0, in: 0...10_000_000) },
        Setting(
            "limit_loopback", "true or false", "limit connections from this machine's own addresses too",
            \.limitLoopback
        ) { Bool($0) },
        Setting(
            "connections_per_person", counts, "WebSockets and Socket.IO clients of one person; 0: no limit",
            \.connectionsPerPerson
        ) { number($0, in: 0...10_000_000) },
        Setting(
            "handshake_rate", rates, "handshakes a second, of all clients together; 0: no limit", \.handshakeRate.rate
        ) { rate($0) },
        Setting("handshake_burst", bursts, "handshakes at once", \.handshakeRate.burst) { burst($0) },
        Setting(
            "message_rate", rates, "messages a second from one person, over all connections; 0: no limit",
            \.messageRate.rate
        ) { rate($0) },
        Setting("message_burst", bursts, "messages at once from one person", \.messageRate.burst) { burst($0) },
    ]

    /// A list of objects, which says itself what is wrong with it.
    private static let jwt = Setting(
        name: "jwt", allowed: "a JSON array of verifiers", help: "other logins whose JWTs are accepted",
        isSecret: true, path: \.jwt,
        set: { configuration, text in
            do throws(ConfigurationError) {
                configuration.jwt = try JWTSettings.list(text)
                return nil
            } catch {
                return .because(error.description)
            }
        },
        show: { $0.jwt.isEmpty ? "none" : $0.jwt.map(\.name).joined(separator: ", ") })

    private static let channels = Setting(
        name: "channels", allowed: "a list of URLs such as redis://127.0.0.1:6379/0",
        help: "the Redis hosts of a Django channel layer whose groups clients are in", isSecret: false,
        path: \.channels, holdsPassword: { $0.channels.contains { $0.password != nil } },
        set: { configuration, text in
            do throws(RedisURL.Mistake) {
                configuration.channels = try urls(text)
                return nil
            } catch {
                return .because(error.description)
            }
        },
        show: { $0.channels.map(\.description).joined(separator: ",") })

    private static let emitters = redis(
        "emitters", "the Redis where emitters of Socket.IO publish", \.emitters)

    private static let bus = redis(
        "bus", "the Redis that connects the nodes of a cluster, which share a PostgreSQL store", \.bus)

    private static func redis(
        _ name: String, _ help: String, _ path: any WritableKeyPath<Configuration, RedisURL?> & Sendable
    ) -> Setting {
        Setting(
            name: name, allowed: "a URL such as redis://127.0.0.1:6379/0", help: help, isSecret: false, path: path,
            holdsPassword: { $0[keyPath: path]?.password != nil },
            set: { configuration, text in
                do throws(RedisURL.Mistake) {
                    configuration[keyPath: path] = try text.isEmpty ? nil : RedisURL(text)
                    return nil
                } catch {
                    return .because(error.description)
                }
            },
            show: { $0[keyPath: path]?.description ?? "none" })
    }

    private static func urls(_ text: String) throws(RedisURL.Mistake) -> [RedisURL] {
        var urls: [RedisURL] = []
        for item in list(text) { urls.append(try RedisURL(item)) }
        return urls
    }

    init<Value: Equatable & Sendable>(
        name: String, allowed: String, help: String, isSecret: Bool,
        path: any WritableKeyPath<Configuration, Value> & Sendable,
        holdsPassword: @escaping @Sendable (Configuration) -> Bool = { _ in false },
        set: @escaping @Sendable (inout Configuration, String) -> Mistake?,
        show: @escaping @Sendable (Configuration) -> String
    ) {
        self.name = name
        self.allowed = allowed
        self.help = help
        self.isSecret = isSecret
        self.holdsPassword = holdsPassword
        self.set = set
        self.show = show
        isSame = { $0[keyPath: path] == $1[keyPath: path] }
        copy = { $1[keyPath: path] = $0[keyPath: path] }
    }

    private static let durations = "a duration such as 500ms, 90s, 15m or 12h"
    private static let sizes = "1 to 1073741824"
    private static let counts = "0 to 10000000"
    private static let rates = "0, or 0.01 to 1000000"
    private static let bursts = "1 to 1000000"

    private init<Value: Equatable & Sendable>(
        _ name: String, _ allowed: String, _ help: String, _ path: any WritableKeyPath<Configuration, Value> & Sendable,
        isSecret: Bool = false, show: @escaping @Sendable (Value) -> String = { "\($0)" },
        _ parse: @escaping @Sendable (String) -> Value?
    ) {
        self.init(
            name: name, allowed: allowed, help: help, isSecret: isSecret, path: path,
            set: { configuration, text in
                guard let value = parse(text) else { return .notAllowed }
                configuration[keyPath: path] = value
                return nil
            },
            show: { show($0[keyPath: path]) })
    }

    private init(
        _ name: String, _ allowed: String, _ help: String,
        _ path: any WritableKeyPath<Configuration, Duration> & Sendable
    ) {
        self.init(name, allowed, help, path, show: { $0.shortText }) { text in
            Duration(short: text).flatMap { $0 > .zero ? $0 : nil }
        }
    }

    /// A day is how long repeats of what was sent are known as such.
    private static let retention: @Sendable (String) -> Duration?? = { text in
        if text == "forever" { return .some(nil) }
        guard let duration = Duration(short: text), duration >= .seconds(86_400) else { return nil }
        return .some(duration)
    }
    private static let retentionText: @Sendable (Duration?) -> String = { $0?.shortText ?? "forever" }

    private static func number(_ text: String, in range: ClosedRange<Int>) -> Int? {
        Int(text).flatMap { range.contains($0) ? $0 : nil }
    }

    private static func rate(_ text: String) -> Double? {
        Double(text).flatMap { $0 == 0 || (0.01...1_000_000).contains($0) ? $0 : nil }
    }

    private static func burst(_ text: String) -> Double? {
        Double(text).flatMap { (1...1_000_000).contains($0) ? $0 : nil }
    }

    private static func list(_ text: String) -> [String] {
        text.split(separator: ",").map { $0.drop { $0 == " " } }.map {
            String($0.reversed().drop { $0 == " " }.reversed())
        }
    }

    private static func paths(_ text: String) -> [String]? {
        let paths = list(text)
        return paths.contains("") ? nil : paths
    }

    private static func origins(_ text: String) -> [String]? {
        let origins = list(text)
        let areOrigins = origins.allSatisfy { origin in
            let parts = origin.split(separator: "/", omittingEmptySubsequences: false)
            return parts.count == 3 && ["http:", "https:"].contains(parts[0]) && parts[1].isEmpty && !parts[2].isEmpty
                && !parts[2].contains(" ")
        }
        return areOrigins ? origins.map { $0.lowercased() } : nil
    }
}

extension Log.Level {
    init?(name: String) {
        switch name {
        case "debug": self = .debug
        case "info": self = .info
        case "warning": self = .warning
        case "error": self = .error
        default: return nil
        }
    }
}

extension Duration {
    /// Reads a whole number with a unit: `ms`, `s`, `m`, `h` or `d`; a hundred years at the most.
    package init?(short text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let units = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        guard let count = Int64(digits), let unit = units[String(text.dropFirst(digits.count))],
            count <= 3_153_600_000_000 / Int64(unit)
        else { return nil }
        self = .milliseconds(count * Int64(unit))
    }

    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }

    var shortText: String { milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms" }
}
