/// What a caller named a request, so that a repeat of it is known for a day: its name, and whose and what for it is.
package struct RequestKey: Sendable {
    /// Two callers, or two kinds of request, never share a name.
    package let scope: String
    package let name: ClientID

    package init(scope: String, name: ClientID) {
        self.scope = scope
        self.name = name
    }
}
