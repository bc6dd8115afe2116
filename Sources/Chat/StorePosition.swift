/// How far what is stored has got: everything up to these is included.
package struct StorePosition: Equatable, Sendable {
    package var message: MessageID
    package var notification: NotificationID

    package init(message: MessageID, notification: NotificationID) {
        self.message = message
        self.notification = notification
    }
}
