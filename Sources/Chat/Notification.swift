/// Whom a notification is for.
package enum Audience: Hashable, Sendable {
    case person(UserID)
    case college(CollegeID)
    case everybody
}

package enum Priority: String, CaseIterable, Sendable {
    case low, normal, high
}

/// What a notification says, before it is stored.
package struct NotificationContent: Sendable {
    package var title: String
    package var message: String
    /// `erp`'s grouping, such as `hr`; empty when there is none.
    package var category: String
    /// `campus`'s and `socketio`'s type, such as `notice` or `alert`.
    package var type: String
    /// Where a click leads, or `nil`.
    package var link: String?
    package var priority: Priority
    /// A JSON object, compact.
    package var data: [UInt8]

    package init(
        title: String, message: String, category: String = "", type: String = "alert", link: String? = nil,
        priority: Priority = .normal, data: [UInt8] = Array("{}".utf8)
    ) {
        self.title = title
        self.message = message
        self.category = category
        self.type = type
        self.link = link
        self.priority = priority
        self.data = data
    }
}

/// A notification as it was stored.
package struct Notification: Sendable {
    package let id: NotificationID
    package let audience: Audience
    package let content: NotificationContent
    package let sentAt: Timestamp

    package init(id: NotificationID, audience: Audience, content: NotificationContent, sentAt: Timestamp) {
        self.id = id
        self.audience = audience
        self.content = content
        self.sentAt = sentAt
    }
}
