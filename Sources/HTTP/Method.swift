/// A request method, case-sensitive (RFC 9110, section 9). Any token is one; these are the ones routes use.
package struct Method: Hashable, Sendable {
    package let name: String

    package init(_ name: String) { self.name = name }

    /// For a route that takes what no other route of its path does.
    package static let any = Method("*")
    package static let get = Method("GET")
    package static let head = Method("HEAD")
    package static let post = Method("POST")
    package static let put = Method("PUT")
    package static let patch = Method("PATCH")
    package static let delete = Method("DELETE")
    package static let options = Method("OPTIONS")
}
