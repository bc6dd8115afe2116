/// How far what is stored has got: everything up to these is included.
package struct StorePosition: Equatable, Sendable {
    package var message: MessageID
    package var notification: NotificationID

    package init(message: MessageID, notification: NotificationID) {
        self.message = message
        self.notification = notification
    }

    /// Before all.
    package static let start = StorePosition(message: MessageID(0), notification: NotificationID(0))

    /// Whether nothing is beyond here that is not beyond another position too.
    package func reaches(_ other: StorePosition) -> Bool {
        message >= other.message && notification >= other.notification
    }
}
