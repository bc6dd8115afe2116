package import Chat
package import Dialects
package import EventLoop
package import Proxying
package import Redis
package import Storage
import WebSocket

/// Everything that a deployment can set; the initial values are the defaults.
package struct Configuration: Sendable {
    package var listen = SocketAddress("127.0.0.1:8000")!
    /// Files with certificates and their private keys, in the same order; without any, the server speaks no TLS.
    package var tlsCertificates: [String] = []
    package var tlsKeys: [String] = []
    /// How long browsers are to come by TLS only; zero: they are not told so.
    package var hsts = Duration.zero
    /// Proxies that are believed whom they speak for.
    package var trustedProxies = TrustedProxies()
    /// Whether they say it in a PROXY header, before anything else on a connection.
    package var proxyProtocol = false
    /// The database file; with another store, what the socket for commands beside it is named by.
    package var database = "switchboard.db"
    /// The hosts of a Django channel layer whose groups the clients are in; none: there is no such layer.
    package var channels: [RedisURL] = []
    package var channelsPrefix = "asgi"
    package var channelsCapacity = 100
    package var channelsExpiry = Duration.seconds(60)
    package var channelsGroupExpiry = Duration.seconds(86_400)
    /// What the layer's messages are sealed with.
    package var channelsKeys: [String] = []
    /// Where emitters of Socket.IO publish.
    package var emitters: RedisURL?
    package var emittersKey = "socket.io"
    package var emittersChannel = "socketio"
    /// What connects the nodes of a cluster; `nil` where this server is alone.
    package var bus: RedisURL?
    package var busPrefix = "switchboard"
    /// Where this node takes what other nodes forward to it.
    package var nodeAddress = SocketAddress("127.0.0.1:0")!

    /// A store that is not in the file.
    package var postgresql: PostgreSQLLocation?
    /// How long changes wait for a store that is away.
    package var storeRetry = Duration.seconds(10)
    package var logLevel = Log.Level.info
    /// `nil`: text on a terminal, JSON elsewhere.
    package var logFormat: Log.Format?
    /// Event loops; 0 means one for each core that the process may use.
    package var loops = 0

    /// Origins that may open connections, besides the server's own host.
    package var allowedOrigins: [String] = []
    /// Hosts that requests may be for, besides those of this machine; `*` for any.
    package var allowedHosts: [String] = []
    /// Which dialect is spoken where paths are shared; the first that fits decides.
    package var dialectRules: [DialectRule] = []
    /// Dialects that are open without a token although the server is reachable from outside.
    package var anonymous: Set<DialectName> = []
    /// Whether notifications for everybody may be heard without a token, where the dialect is open at all.
    package var anonymousNotifications = true
    /// Whether anybody may make an account for themselves.
    package var allowRegistration = false
    /// A secret of 32 bytes or more that another login signs its JWTs with.
    package var jwtSecret: String?
    /// Other logins whose JWTs are accepted.
    package var jwt: [JWTSettings] = []
    /// Keys for `Authorization: Bearer` that make a caller an administrator.
    package var apiKeys: [String] = []

    /// Tokens from one address that may fail in a minute before it is told to wait; 0: any number.
    package var tokenFailures = 100
    /// Whether `/metrics` is served.
    package var metrics = true

    /// How long messages are kept; `nil`: for ever.
    package var retainMessages: Duration?
    /// The same for notifications, and for bulk messages that are over.
    package var retainNotifications: Duration?
    /// People a second that bulk messages serve.
    package var bulkRate = 500
    package var roomsRate = TokenBucket.Limit(rate: 20, burst: 100)
    /// Whether an `erp` sender is told that a recipient is offline (INTEROP.md, erp).
    package var erpOfflineNotice = true

    package var pingInterval = Duration.seconds(25)
    package var pingTimeout = Duration.seconds(20)
    package var headTimeout = Duration.seconds(10)
    package var bodyTimeout = Duration.seconds(30)
    package var keepaliveTimeout = Duration.seconds(60)
    /// How long a client of Socket.IO may take to sign in.
    package var connectTimeout = Duration.seconds(45)
    /// How long such a client may stay away and still get what it missed; zero for not at all.
    package var recovery = Duration.seconds(120)
    /// Bytes of events that each loop keeps for those who come back.
    package var recoveryLog = 32 << 20
    /// Over how long clients are sent away when the server stops, and how long the rest may take: together less than the
    /// ten seconds that containers are given.
    package var drainTime = Duration.seconds(3)
    package var shutdownTimeout = Duration.seconds(5)

    /// Bytes in one HTTP body.
    package var maxBody = 1 << 20
    /// Bytes in one WebSocket message.
    package var maxMessage = 1 << 20
    /// Bytes in one payload of Engine.IO, or one message of its WebSocket.
    package var maxPayload = 1_000_000
    /// Clients of Socket.IO on each loop that may not have signed in yet.
    package var maxUnconnected = 10_000
    /// Whether WebSockets may compress their messages (permessage-deflate).
    package var deflate = true
    /// Bytes in a message of the server's from which it is worth it.
    package var deflateThreshold = 1024
    /// 1, the fastest, to 9.
    package var deflateLevel = 1
    /// Whether messages may refer to those before them, at the cost of memory for each connection.
    package var deflateContext = false
    /// How far back, as a power of two.
    package var deflateWindowBits = 12
    /// Bytes in the text of one direct message.
    package var maxText = 16_384
    /// Messages in one answer to a request for history.
    package var historyLimit = 10_000
    /// Bytes that may wait for one connection.
    package var sendQueue = 4 << 20
    /// Changes that may wait for the store.
    package var storeQueue = 20_000

    /// Connections in all; 0 for as many as there are descriptors for.
    package var maxConnections = 0
    /// Connections from one address; 0 for no limit.
    package var connectionsPerAddress = 10_000
    /// Whether those of this machine count too, which may be a proxy's for everybody.
    package var limitLoopback = false
    /// WebSockets and Socket.IO clients of one person; 0 for no limit.
    package var connectionsPerPerson = 200
    /// Handshakes of all clients together.
    package var handshakeRate = TokenBucket.Limit(rate: 0, burst: 1000)
    /// What one person sends, over all connections; signs of typing have limits of their own.
    package var messageRate = TokenBucket.Limit(rate: 2000, burst: 20_000)
    /// How long a message may wait for room in the store's queue.
    package var storePatience = Duration.seconds(5)

    package init() {}

    /// Where the store is.
    package var store: StoreLocation { postgresql.map { .postgresql($0) } ?? .sqlite(path: database) }

    var limits: Chat.Limits {
        var limits = Chat.Limits()
        limits.text = maxText
        limits.history = historyLimit
        return limits
    }
}

extension Compression.Preferences {
    init(_ settings: Configuration) {
        self.init()
        keepsContext = settings.deflateContext
        windowBits = settings.deflateWindowBits
    }
}
