/// Why a peer's bytes were refused; its connection is to be closed once the answer is out.
package struct HTTPError: Error, Equatable, Sendable {
    /// The status to answer with.
    package let status: Status
    /// One sentence for the person at the other end. It never repeats what they sent.
    package let reason: String

    package init(_ status: Status, _ reason: String) {
        self.status = status
        self.reason = reason
    }
}
