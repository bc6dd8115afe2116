package import Dialects
import HTTP

/// A configured rule for paths that dialects share: which one is spoken at a host, a path, or a path of a host.
package struct DialectRule: Equatable, Sendable {
    /// In lower case, with a port where it is meant for that one only; `nil`: any.
    package let host: String?
    /// Without the slash at its end; `nil`: any.
    package let path: String?
    package let name: DialectName

    /// Reads `chat.example.org=conversations`, `/ws/chat/=campus` or `chat.example.org/ws/chat/=campus`.
    package init?(_ text: String) {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, let name = DialectName.allCases.first(where: { $0.text == parts[1] }) else {
            return nil
        }
        let slash = parts[0].firstIndex(of: "/") ?? parts[0].endIndex
        let (host, path) = (parts[0][..<slash], Self.withoutFinalSlash(parts[0][slash...]))
        if host.isEmpty && path.isEmpty || text.contains(" ") { return nil }
        // A path on which there is no such choice is a mistake.
        let choices = DialectName.allCases.filter { name in
            name.dialect.transport == .webSocket
                && name.dialect.endpoints.contains { path.isEmpty || Self.withoutFinalSlash($0.path[...]) == path }
        }
        if choices.count < 2 || !choices.contains(name) { return nil }
        self.host = host.isEmpty ? nil : host.lowercased()
        self.path = path.isEmpty ? nil : path
        self.name = name
    }

    package var text: String { "\(host ?? "")\(path.map { $0 + "/" } ?? "")=\(name.text)" }

    private static func withoutFinalSlash(_ path: Substring) -> String {
        String(path.last == "/" ? path.dropLast() : path)
    }

    /// - Parameter host: As the client asked for it, with the port.
    func applies(toHost host: String?, path: String) -> Bool {
        if let own = self.path, own != Self.withoutFinalSlash(path[...]) { return false }
        guard let own = self.host else { return true }
        guard let host = host?.lowercased() else { return false }
        if own == host { return true }
        guard let colon = host.lastIndex(of: ":"), host[colon...].dropFirst().allSatisfy(\.isNumber) else {
            return false
        }
        return own == host[..<colon]
    }
}

extension [Mount] {
    /// Which of a path's dialects a connection speaks (INTEROP.md): the one it names; else that of the first rule that
    /// fits; else those that need the token that it brought, or need none.
    ///
    /// - Returns: More than one where the kind of the token and the first frame will tell.
    func choose(_ request: Request, rules: [DialectRule], hasToken: Bool) -> [Mount] {
        if count == 1 { return self }
        if let dialect = request.queryValue("dialect"), let named = first(where: { $0.name.text == dialect }) {
            return [named]
        }
        for rule in rules where rule.applies(toHost: request.host, path: request.rawPath) {
            if let mount = first(where: { $0.name == rule.name }) { return [mount] }
        }
        let fitting = filter { ($0.endpoint.token == .required) == hasToken }
        return fitting.isEmpty ? self : fitting
    }

    /// The dialect of those who sign in with such a token.
    func forToken(_ kind: TokenKind) -> Mount { first { $0.name.dialect.isForTokens == kind } ?? self[0] }
}
