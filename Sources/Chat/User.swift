/// A person with an account. Immutable and shared: what a connection, a message and an event refer to.
package final class User: Sendable {
    package let id: UserID
    /// The unique name to sign in with.
    package let username: String
    /// The full name, as others read it.
    package let name: String
    package let college: CollegeID?

    package init(id: UserID, username: String, name: String, college: CollegeID?) {
        self.id = id
        self.username = username
        self.name = name
        self.college = college
    }
}
