/// A request to open a WebSocket that can be granted (RFC 6455, section 4.2).
package struct Handshake: Sendable {
    /// The value of `Sec-WebSocket-Accept`, 28 bytes of ASCII.
    package let accept: [UInt8]

    /// Checks a request by its method, version and header values, each `nil` where the header is missing.
    ///
    /// - Parameters:
    ///   - upgrade: `Upgrade`, and likewise `connection`: a list, its members in either case.
    ///   - key: `Sec-WebSocket-Key`.
    ///   - version: `Sec-WebSocket-Version`.
    package init(
        method: String, isHTTP11: Bool, upgrade: String?, connection: String?, key: String?, version: String?
    ) throws(HandshakeError) {
        guard method == "GET" else { throw .notGet }
        guard isHTTP11 else { throw .notHTTP11 }
        guard let upgrade else { throw .notAnUpgrade }
        guard upgrade.lists("websocket") else { throw .wrongUpgrade }
        guard let connection, connection.lists("upgrade") else { throw .wrongConnection }
        guard version == "13" else { throw .wrongVersion }
        guard let key, key.isKey else { throw .wrongKey }
        accept = AcceptKey.answer(to: key)
    }

    /// The whole response, after which the connection carries frames.
    ///
    /// - Parameters:
    ///   - subprotocol: One that the client offered and the server speaks.
    ///   - extensions: Of those that the client offered, what the server takes.
    package func response(subprotocol: String? = nil, extensions: String? = nil) -> [UInt8] {
        var response: [UInt8] = []
        response.reserveCapacity(192)
        response += Self.head.utf8
        response += accept
        if let subprotocol {
            response += "\r\nSec-WebSocket-Protocol: ".utf8
            response += subprotocol.utf8
        }
        if let extensions {
            response += "\r\nSec-WebSocket-Extensions: ".utf8
            response += extensions.utf8
        }
        response += "\r\n\r\n".utf8
        return response
    }

    private static let head =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
}

extension String {
    /// Whether a comma-separated list has this member, given in lower case, in whatever case.
    fileprivate func lists(_ member: String) -> Bool {
        let bytes = utf8.span
        var start = 0
        for end in 0...bytes.count where end == bytes.count || bytes[end] == UInt8(ascii: ",") {
            if bytes.extracting(start..<end).isToken(member) { return true }
            start = end + 1
        }
        return false
    }

    /// Whether this is base64 for 16 bytes: 22 digits and the padding. Like most decoders, this one does not mind which
    /// value the four bits have that belong to no byte.
    fileprivate var isKey: Bool {
        let bytes = utf8.span
        return bytes.count == 24 && (0..<22).allSatisfy { bytes[$0].isBase64 }
            && (22..<24).allSatisfy { bytes[$0] == UInt8(ascii: "=") }
    }
}

extension Span<UInt8> {
    /// Whether this is that token, in whatever case, with space around it or not.
    fileprivate func isToken(_ token: String) -> Bool {
        var range = 0..<count
        while let first = range.first, self[first].isSpace { range.removeFirst() }
        while let last = range.last, self[last].isSpace { range.removeLast() }
        let token = token.utf8.span
        return range.count == token.count
            && token.indices.allSatisfy { self[range.lowerBound + $0].lowercased == token[$0] }
    }
}

extension UInt8 {
    fileprivate var isSpace: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }

    fileprivate var lowercased: UInt8 {
        switch self {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): self | 0x20
        default: self
        }
    }

    fileprivate var isBase64: Bool {
        switch self {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
