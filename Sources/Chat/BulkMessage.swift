/// A notification for many people, each of whom gets one of their own: a job that the store works through, slice by
/// slice, and that outlives the server (INTEROP.md, campus).
package struct BulkMessage: Sendable {
    package let id: BulkMessageID
    package let content: NotificationContent
    package let status: Status
    /// How many people it is for.
    package let total: Int
    package let sent: Int
    /// How many of those who were named do not exist.
    package let unknown: Int
    package let createdAt: Timestamp
    package let finishedAt: Timestamp?

    package enum Status: String, CaseIterable, Sendable {
        case running, done, cancelled
    }

    /// Whom it is for.
    package enum Recipients: Sendable {
        case people([UserID])
        case college(CollegeID)
        /// All who have an account when it is created.
        case everybody
    }

    package init(
        id: BulkMessageID, content: NotificationContent, status: Status, total: Int, sent: Int, unknown: Int,
        createdAt: Timestamp, finishedAt: Timestamp?
    ) {
        self.id = id
        self.content = content
        self.status = status
        self.total = total
        self.sent = sent
        self.unknown = unknown
        self.createdAt = createdAt
        self.finishedAt = finishedAt
    }

    /// What each person gets. The content's data is an object without a member of this name.
    package var notification: NotificationContent {
        var notification = content
        let member = Array(#""bulk_message_id":\#(id)}"#.utf8)
        let isEmpty = content.data.count <= 2
        notification.data = content.data.dropLast() + (isEmpty ? [] : [UInt8(ascii: ",")]) + member
        return notification
    }
}
