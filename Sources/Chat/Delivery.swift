/// What one connection can vouch for: a person's messages after `start`, up to `end`, have reached them. It says
/// nothing of what came before it: that may still wait in the queue of another connection.
package struct Delivery: Sendable {
    package let user: UserID
    package let connection: ConnectionID
    package let start: MessageID
    package let end: MessageID

    package init(to user: UserID, by connection: ConnectionID, after start: MessageID, upTo end: MessageID) {
        self.user = user
        self.connection = connection
        self.start = start
        self.end = end
    }
}
