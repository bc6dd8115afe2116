/// Whom a notification is for.
package enum Audience: Hashable, Sendable {
    case person(UserID)
    case college(CollegeID)
    case everybody

    /// The one person whom it is for.
    package var person: UserID? { if case .person(let user) = self { user } else { nil } }
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

extension NotificationContent {
    /// What is too long, in words, if anything: a title has up to 1,000 characters, what is a word or two up to 100, a
    /// link up to 2,048.
    ///
    /// - Parameter maximumText: Bytes in the message, and in the data.
    package func excess(maximumText: Int) -> String? {
        if title.unicodeScalars.count > 1000 { return "title must have 1 to 1000 characters" }
        if type.unicodeScalars.count > 100 { return "type must have 1 to 100 characters" }
        if category.unicodeScalars.count > 100 { return "category must have 1 to 100 characters" }
        if let link, link.unicodeScalars.count > 2048 { return "link must have 1 to 2048 characters" }
        if message.utf8.count > maximumText || data.count > maximumText {
            return "message and data may have \(maximumText) bytes each"
        }
        return nil
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
