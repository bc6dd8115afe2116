import EventLoop
import HTTP
import Proxying

/// How a connection came here.
struct Arrival: Sendable {
    /// Over the local socket, which only the server's own user can reach.
    var isLocal = false
    /// Through a trusted proxy, which said so in a PROXY header.
    var isProxied = false
    /// Whom that header named, if anybody.
    var source: IPAddress?
    /// Where another node of the cluster passes on what is for clients of this one.
    var isFromNode = false

    /// Whether it may be anybody's.
    var isPublic: Bool { !isLocal && !isFromNode }
}

// Who asks. A proxy that is not trusted is taken for the client, but a request that went through one is never taken for
// one from this machine: that it says so gives no right to anybody.

extension Connection {
    /// Whom a request is from: who is at the other end, or whom trusted proxies name.
    func address(of request: Request) -> String {
        if arrival.isFromNode { return address }
        guard let (trusted, peer) = trustedPeer, let forwardedFor = request.header("x-forwarded-for") else {
            return sender
        }
        return trusted.client(behind: peer, forwardedFor: forwardedFor).description
    }

    /// Whether a request came by `https` or `wss`, which a trusted proxy may know better; `nil` where some other proxy may
    /// stand in between.
    func isSecure(_ request: Request) -> Bool? {
        if trustedPeer != nil, let proto = request.header("x-forwarded-proto") {
            // The nearest proxy's word comes last.
            return proto.split(separator: ",").last?.filter { $0 != " " && $0 != "\t" }.lowercased() == "https"
        }
        return stream.isEncrypted ? true : nil
    }

    /// Whether somebody else speaks for the client.
    func isForwarded(_ request: Request) -> Bool { arrival.isProxied || request.wentThroughProxy }

    /// Who is at the other end, or whom a PROXY header named, if that is a trusted proxy.
    private var trustedPeer: (TrustedProxies, IPAddress)? {
        let trusted = hub.settings.trustedProxies
        if trusted.isEmpty { return nil }
        guard let peer = arrival.source ?? IPAddress(stream.peerAddress), trusted.contains(peer) else { return nil }
        return (trusted, peer)
    }
}

extension Request {
    /// Whether a proxy says that it passed the request on.
    var wentThroughProxy: Bool {
        ["forwarded", "x-forwarded-for", "x-real-ip", "via"].contains { header($0) != nil }
    }
}
