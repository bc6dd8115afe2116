/// Something that a college announces (specs/campus.md). A draft is seen by administrators only; publishing tells the
/// college of it, once.
package struct Notice: Sendable {
    package let id: NoticeID
    package let title: String
    package let content: String
    /// Whose notice it is; `nil`: everybody's.
    package let college: CollegeID?
    package let createdAt: Timestamp
    /// `nil` for a draft.
    package let publishedAt: Timestamp?

    package init(
        id: NoticeID, title: String, content: String, college: CollegeID?, createdAt: Timestamp,
        publishedAt: Timestamp?
    ) {
        self.id = id
        self.title = title
        self.content = content
        self.college = college
        self.createdAt = createdAt
        self.publishedAt = publishedAt
    }

    package var audience: Audience { college.map(Audience.college) ?? .everybody }

    /// What its audience is told of it (INTEROP.md, campus).
    package var announcement: NotificationContent {
        NotificationContent(
            title: "New Notice", message: title, category: "notice", type: "notice", link: "/notices/\(id)",
            data: Array(#"{"notice_id":\#(id),"url":"/notices/\#(id)"}"#.utf8))
    }
}

/// A notice before it is stored.
package struct NoticeDraft: Sendable {
    package let title: String
    package let content: String
    package let college: CollegeID?

    package init(title: String, content: String, college: CollegeID?) {
        self.title = title
        self.content = content
        self.college = college
    }
}
