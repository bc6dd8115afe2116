/// Tokens as clients bring them.
enum GivenToken {
    /// What was brought, or `nil` for what stands for nothing: `localStorage.getItem` yields such (INTEROP.md).
    static func present(_ text: String?) -> String? {
        text.flatMap { ["", "null", "undefined"].contains($0) ? nil : $0 }
    }

    /// What follows `Bearer ` or `Token `; `nil` where neither is in front.
    static func behindScheme(_ text: String) -> String? {
        guard let space = text.firstIndex(of: " "), ["bearer", "token"].contains(text[..<space].lowercased()) else {
            return nil
        }
        return String(text[text.index(after: space)...].drop { $0 == " " })
    }

    /// The same, where the scheme may be missing.
    static func withOrWithoutScheme(_ text: String?) -> String? {
        present(text.map { behindScheme($0) ?? $0 })
    }
}
