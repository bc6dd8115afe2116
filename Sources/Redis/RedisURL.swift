package import EventLoop

/// Where a Redis is, and as whom to use it.
///
/// - `redis://[[user]:password@]host[:port][/database]`
/// - `unix:///path`, or `redis+unix:///path`, with `?db=`, and the user and the password in front of the path
///
/// What is no letter or digit in a user or password is percent-encoded.
package struct RedisURL: Sendable, Equatable {
    package let address: RemoteAddress
    /// `nil`: the one that is called `default`.
    package private(set) var user: String?
    package private(set) var password: String?
    package private(set) var database = 0

    /// Why a text is no such URL. No sentence holds more of it than its scheme.
    package struct Mistake: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    package init(_ text: String) throws(Mistake) {
        guard let colon = text.firstRange(of: "://") else {
            throw Mistake(description: "a URL such as redis://127.0.0.1:6379/0 is wanted")
        }
        let scheme = text[..<colon.lowerBound]
        var rest = text[colon.upperBound...]
        if rest.contains("#") { throw Mistake(description: "a \"#\" has to be written as %23") }
        var query: Substring?
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        // A password may hold an "@" that was not encoded: the last one counts.
        var credentials: Substring?
        if let at = rest.lastIndex(of: "@") {
            credentials = rest[..<at]
            rest = rest[rest.index(after: at)...]
        }
        switch scheme {
        case "redis":
            let slash = rest.firstIndex(of: "/") ?? rest.endIndex
            address = try Self.address(rest[..<slash])
            try takeDatabase(rest[slash...].dropFirst())
        case "unix", "redis+unix":
            guard let path = Self.decoded(rest), path.hasPrefix("/"), !path.utf8.contains(0) else {
                throw Mistake(description: "an absolute path is wanted, such as unix:///run/redis/redis.sock")
            }
            address = .local(path: path)
        case "rediss":
            throw Mistake(
                description:
                    "TLS to Redis (rediss://) is not supported; use a local socket, a private network or a tunnel")
        default:
            throw Mistake(description: "the scheme must be redis or unix")
        }
        if let credentials { try takeCredentials(credentials) }
        if let query { try takeQuery(query) }
    }

    private static func address(_ text: Substring) throws(Mistake) -> RemoteAddress {
        var host = text
        var port: UInt16? = 6379
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw Mistake(description: "a \"]\" is missing") }
            host = text[text.index(after: text.startIndex)..<end]
            let behind = text[text.index(after: end)...]
            if !behind.isEmpty { port = behind.hasPrefix(":") ? UInt16(digits: behind.dropFirst()) : nil }
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = UInt16(digits: text[text.index(after: colon)...])
        }
        guard let port, port > 0 else { throw Mistake(description: "the port must be a number from 1 to 65535") }
        let isName = host.utf8.allSatisfy { (0x21...0x7E).contains($0) && !#"/\"<>"#.utf8.contains($0) }
        guard isName, host.utf8.count <= 255 else { throw Mistake(description: "the host is none") }
        return .tcp(host: host.isEmpty ? "localhost" : String(host), port: port)
    }

    private mutating func takeCredentials(_ text: Substring) throws(Mistake) {
        let colon = text.firstIndex(of: ":") ?? text.endIndex
        guard let user = Self.decoded(text[..<colon]), let password = Self.decoded(text[colon...].dropFirst()) else {
            throw Mistake(
                description: "the user or the password has a \"%\" that is not followed by two hexadecimal digits")
        }
        self.user = user.isEmpty ? nil : user
        self.password = password.isEmpty ? nil : password
        if self.user != nil, self.password == nil { throw Mistake(description: "the user has no password") }
    }

    private mutating func takeQuery(_ query: Substring) throws(Mistake) {
        guard query.hasPrefix("db=") else { throw Mistake(description: "the only option is db") }
        try takeDatabase(query.dropFirst(3))
    }

    private mutating func takeDatabase(_ text: Substring) throws(Mistake) {
        if text.isEmpty { return }
        guard let number = UInt16(digits: text) else { throw Mistake(description: "the database must be a number") }
        database = Int(number)
    }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte != UInt8(ascii: "%") {
                bytes.append(byte)
            } else {
                guard rest.count >= 2, let decoded = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
                    rest.first != UInt8(ascii: "+")
                else { return nil }
                bytes.append(decoded)
                rest = rest.dropFirst(2)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// For the log and for error messages: without user and password.
extension RedisURL: CustomStringConvertible {
    package var description: String {
        switch address {
        case .tcp(let host, let port):
            "redis://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(database)"
        case .local(let path): "unix://\(path)" + (database == 0 ? "" : "?db=\(database)")
        }
    }
}
